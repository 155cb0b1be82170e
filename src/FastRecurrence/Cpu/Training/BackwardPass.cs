namespace FastRecurrence.Cpu;

/// <summary>
/// The backward pass of a layer over one tape at a time, with the memory that it needs. The weights are those it was made with. Not thread-safe.
/// </summary>
internal abstract class BackwardPass(LayerShape shape, int batchSize)
{
    public LayerShape Shape => shape;

    public int BatchSize => batchSize;

    /// <summary>
    /// From ∂L/∂y to the gradients of everything else. Gradients of weights are <b>added</b> to <paramref name="gradients"/>; those of x, h and c are
    /// <b>written</b>, 0 in the padding. The tape is spent afterwards.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A length does not fit, or a tape or gradients are of another shape. Nothing is written, and the tape stays full.
    /// </exception>
    /// <exception cref="InvalidOperationException">The tape has no run that a backward pass has not been done for.</exception>
    public void Run(TrainingTape tape, in BackwardCall call, LayerGradients? gradients)
    {
        ArgumentNullException.ThrowIfNull(tape);
        if (tape.Shape != Shape || tape.BatchSize != BatchSize)
        {
            throw new ArgumentException(FormattableString.Invariant($"The tape is of {tape.Shape} and a batch of {tape.BatchSize}, ")
                + FormattableString.Invariant($"this backward pass of {Shape} and {BatchSize}."), nameof(tape));
        }

        if (gradients is not null && gradients.Shape != Shape)
            throw new ArgumentException($"The gradients are of {gradients.Shape}, this backward pass of {Shape}.", nameof(gradients));
        if (!tape.IsFull)
        {
            throw new InvalidOperationException("The tape holds no run, or its backward pass has been done: a backward pass spends it. "
                + "Run the layer with the tape again.");
        }

        call.Require(Shape, tape);
        if (tape.Rows * Shape.InputSize != tape.InputLength)
            call.InputGradient.Clear(); // there is padding
        tape.IsFull = false;
        RunCore(tape, call, gradients);
        if (gradients is not null && tape.Steps > 0)
            gradients.Wrote(call.Parts);
    }

    /// <summary>Runs a checked call.</summary>
    private protected abstract void RunCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients);
}

/// <summary>What a backward pass reads and writes beside its tape. Empty spans stand for zeros, or for what is not wanted.</summary>
internal readonly ref struct BackwardCall
{
    public BackwardCall()
    {
    }

    /// <summary>Weights whose gradients are wanted.</summary>
    public GradientParts Parts { get; init; } = GradientParts.All;

    /// <summary>x as the run had it.</summary>
    public required ReadOnlySpan<float> Input { get; init; }

    /// <summary>y as the run left it.</summary>
    public required ReadOnlySpan<float> Output { get; init; }

    /// <summary>∂L/∂y, laid out as y; never read in the padding. Empty for zeros.</summary>
    public ReadOnlySpan<float> OutputGradient { get; init; }

    /// <summary>∂L/∂h after each row's own last step, <c>[N, P]</c>. Empty for zeros.</summary>
    public ReadOnlySpan<float> FinalHidden { get; init; }

    /// <summary>∂L/∂c after each row's own last step, <c>[N, H]</c>. Empty for zeros.</summary>
    public ReadOnlySpan<float> FinalCell { get; init; }

    /// <summary>Receives ∂L/∂x, laid out as x. Empty if it is not wanted: it is then not computed.</summary>
    public Span<float> InputGradient { get; init; }

    /// <summary>Receives ∂L/∂h before the first step, <c>[N, P]</c>, or empty.</summary>
    public Span<float> InitialHidden { get; init; }

    /// <summary>Receives ∂L/∂c before the first step, <c>[N, H]</c>, or empty.</summary>
    public Span<float> InitialCell { get; init; }

    /// <summary>Refuses lengths that do not fit the tape's run.</summary>
    public void Require(LayerShape shape, TrainingTape tape)
    {
        int N = tape.BatchSize, H = shape.HiddenSize, P = shape.OutputSize;
        Extents.Require(nameof(Input), Input.Length, "x of the run", tape.InputLength);
        Extents.Require(nameof(Output), Output.Length, "y of the run", tape.OutputLength);
        Optional(nameof(OutputGradient), OutputGradient.Length, "y of the run", tape.OutputLength);
        Optional(nameof(InputGradient), InputGradient.Length, "x of the run", tape.InputLength);
        Optional(nameof(FinalHidden), FinalHidden.Length, "N×P", N, P);
        Optional(nameof(InitialHidden), InitialHidden.Length, "N×P", N, P);
        Optional(nameof(FinalCell), FinalCell.Length, "N×H", N, H);
        Optional(nameof(InitialCell), InitialCell.Length, "N×H", N, H);
        if (!shape.HasCellState && (!FinalCell.IsEmpty || !InitialCell.IsEmpty))
            throw new ArgumentException($"{shape} has no cell state c: leave {nameof(FinalCell)} and {nameof(InitialCell)} empty.");
        if (InputGradient.Overlaps(Input) || InputGradient.Overlaps(Output) || InputGradient.Overlaps(OutputGradient))
            throw new ArgumentException($"{nameof(InputGradient)} overlaps what the backward pass still reads. Use separate memory.");
    }

    private static void Optional(string name, int length, string what, params ReadOnlySpan<int> factors)
    {
        if (length != 0)
            Extents.Require(name, length, what, factors);
    }
}
