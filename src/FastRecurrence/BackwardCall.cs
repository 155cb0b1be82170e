namespace FastRecurrence;

/// <summary>The spans of one backward pass.</summary>
internal readonly ref struct BackwardCall(
    ReadOnlySpan<float> input, ReadOnlySpan<float> output, ReadOnlySpan<float> outputGradient, in BackwardOptions options)
{
    /// <summary>x as the run had it.</summary>
    public ReadOnlySpan<float> Input { get; } = input;

    /// <summary>y as the run left it.</summary>
    public ReadOnlySpan<float> Output { get; } = output;

    /// <summary>∂L/∂y, or empty.</summary>
    public ReadOnlySpan<float> OutputGradient { get; } = outputGradient;

    public BackwardOptions Options { get; } = options;

    /// <summary>Weights whose gradients are wanted.</summary>
    public WeightParts Parts => WeightParts.All & ~Options.Frozen;

    /// <summary>Refuses lengths that do not fit the tape's run, and memory that is written before it is read.</summary>
    public void Require(LayerShape shape, TrainingTape tape)
    {
        int T = tape.SequenceLength, N = tape.BatchSize, I = shape.InputSize, H = shape.HiddenSize, P = shape.OutputSize;
        bool projected = shape.ProjectionSize != 0;
        string sequence = projected ? "T×N×P" : "T×N×H", state = projected ? "N×P" : "N×H";
        if (tape.IsOneHot)
        {
            Extents.Require(nameof(Options.OneHotInput), Options.OneHotInput.Length, "T×N", T, N);
            I = 0; // there is no x, and no gradient of it
        }
        else if (!Options.OneHotInput.IsEmpty)
        {
            throw new ArgumentException("OneHotInput is given, but the run of the tape had a dense x. Leave it empty.");
        }

        Extents.Require("input", Input.Length, "T×N×I", T, N, I);
        Extents.Require("output", Output.Length, sequence, T, N, P);
        Optional("outputGradient", OutputGradient.Length, sequence, T, N, P);
        Optional(nameof(Options.Input), Options.Input.Length, "T×N×I", T, N, I);
        Optional(nameof(Options.FinalHidden), Options.FinalHidden.Length, state, N, P);
        Optional(nameof(Options.InitialHidden), Options.InitialHidden.Length, state, N, P);
        if (!Options.StateNorms.IsEmpty)
            Extents.Require(nameof(Options.StateNorms), Options.StateNorms.Length - 1, "T, and one more", T);
        if (!shape.HasCellState && (!Options.FinalCell.IsEmpty || !Options.InitialCell.IsEmpty))
        {
            throw new ArgumentException(
                $"{shape} has no cell state c: leave {nameof(Options.FinalCell)} and {nameof(Options.InitialCell)} empty.");
        }

        Optional(nameof(Options.FinalCell), Options.FinalCell.Length, "N×H", N, H);
        Optional(nameof(Options.InitialCell), Options.InitialCell.Length, "N×H", N, H);
        RequireApart();
    }

    private void RequireApart()
    {
        Span<float> dx = Options.Input, dh = Options.InitialHidden, dc = Options.InitialCell;
        if (dx.Overlaps(Input) || dx.Overlaps(Output) || dx.Overlaps(OutputGradient) || dx.Overlaps(Options.FinalHidden) || dx.Overlaps(Options.FinalCell))
            throw new ArgumentException($"{nameof(Options.Input)} overlaps what the backward pass still reads. Use separate memory.", nameof(Options.Input));
        if (dx.Overlaps(dh) || dx.Overlaps(dc) || dh.Overlaps(dc))
            throw new ArgumentException("Two gradients that are written overlap. Use separate memory.", nameof(Options.InitialHidden));
    }

    private static void Optional(string name, int length, string what, params ReadOnlySpan<int> factors)
    {
        if (length != 0)
            Extents.Require(name, length, what, factors);
    }
}
