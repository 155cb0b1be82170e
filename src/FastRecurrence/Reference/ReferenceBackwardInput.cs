namespace FastRecurrence.Reference;

/// <summary>
/// One run of a layer and the gradients of a loss L with respect to what the run handed out: all that
/// <see cref="ReferenceLayer.Backward(ReferenceBackwardInput)"/> needs. Row-major, time-major, in double.
/// </summary>
internal sealed record ReferenceBackwardInput
{
    /// <summary>x, <c>[T, N, I]</c>.</summary>
    public required double[] Input { get; init; }

    /// <summary>T.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>N.</summary>
    public required int BatchSize { get; init; }

    /// <summary>h before the first step, <c>[N, P]</c>; null for zeros.</summary>
    public double[]? InitialHidden { get; init; }

    /// <summary>c before the first step, <c>[N, H]</c>; null for zeros. Ignored by a cell without c, as in the run.</summary>
    public double[]? InitialCell { get; init; }

    /// <summary>The order of the run. Reverse starts at each row's own last step.</summary>
    public Direction Direction { get; init; }

    /// <summary>Steps of every row, <c>[N]</c>, each from 0 to T, the padding behind them; null when all have T.</summary>
    public int[]? Lengths { get; init; }

    /// <summary>dy = ∂L/∂y, <c>[T, N, P]</c>; null for zeros. Never read in the padding.</summary>
    public double[]? OutputGradient { get; init; }

    /// <summary>∂L/∂h after each row's own last step, <c>[N, P]</c>; null for zeros. It joins dy of that step.</summary>
    public double[]? FinalHiddenGradient { get; init; }

    /// <summary>∂L/∂c after each row's own last step, <c>[N, H]</c>; null for zeros. Only for a cell that has c.</summary>
    public double[]? FinalCellGradient { get; init; }

    /// <summary>What the run zones out: masks of h and of c, each m = 1 where a unit keeps its value; null for nothing.</summary>
    public ReferenceZoneout? Zoneout { get; init; }

    /// <summary>The steps of row <paramref name="n"/>.</summary>
    public int LengthOf(int n) => Lengths is null ? SequenceLength : Lengths[n];

    /// <summary>Which step of memory row <paramref name="n"/> reads at step <paramref name="s"/> of its run.</summary>
    public int StepOf(int n, int s) => Direction == Direction.Forward ? s : LengthOf(n) - 1 - s;

    /// <summary>Refuses what does not fit the shape, before anything is computed.</summary>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    public void Require(LayerShape shape)
    {
        int T = SequenceLength, N = BatchSize, I = shape.InputSize, H = shape.HiddenSize, P = shape.OutputSize;
        ArgumentOutOfRangeException.ThrowIfNegative(T, nameof(SequenceLength));
        ArgumentOutOfRangeException.ThrowIfNegative(N, nameof(BatchSize));
        Extents.Require(nameof(Input), Input.Length, "T×N×I", T, N, I);
        Extents.Require(nameof(OutputGradient), OutputGradient?.Length ?? T * N * P, "T×N×P", T, N, P);
        Extents.Require(nameof(InitialHidden), InitialHidden?.Length ?? N * P, "N×P", N, P);
        Extents.Require(nameof(InitialCell), InitialCell?.Length ?? N * H, "N×H", N, H);
        Extents.Require(nameof(FinalHiddenGradient), FinalHiddenGradient?.Length ?? N * P, "N×P", N, P);
        Extents.Require(nameof(FinalCellGradient), FinalCellGradient?.Length ?? N * H, "N×H", N, H);
        if (FinalCellGradient is not null && !shape.HasCellState)
            throw new ArgumentException($"{shape} has no cell state c, so a loss has no gradient with respect to it; leave {nameof(FinalCellGradient)} null.");
        if (Lengths is null)
            return;
        Extents.Require(nameof(Lengths), Lengths.Length, "N", N);
        int wrong = Array.FindIndex(Lengths, length => length < 0 || length > T);
        if (wrong >= 0)
            throw new ArgumentException($"{nameof(Lengths)}[{wrong}] is {Lengths[wrong]}; a row has from 0 to T = {T} steps.");
    }
}
