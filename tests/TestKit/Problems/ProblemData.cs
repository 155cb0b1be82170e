using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Problems;

/// <summary>Reproducible random numbers for a problem: weights as <see cref="LayerWeights.Random"/> has them, x, h and c uniform in ±1.</summary>
internal sealed class ProblemData
{
    public ProblemData(ProblemSize size, int seed)
    {
        Size = size;
        var random = new Random(seed);
        Weights = LayerWeights.Random(size.Shape, random.Next());
        Input = Uniform(random, Elements(size.SequenceLength, size.BatchSize, size.InputSize));
        Hidden = Uniform(random, Elements(size.BatchSize, size.HiddenSize));
        Cell = Uniform(random, Elements(size.BatchSize, size.HiddenSize));
    }

    public ProblemSize Size { get; }

    public LayerWeights Weights { get; }

    /// <summary>x, <c>[T, N, I]</c>.</summary>
    public float[] Input { get; }

    /// <summary>h before the first step, <c>[N, H]</c>.</summary>
    public float[] Hidden { get; }

    /// <summary>c before the first step, <c>[N, H]</c>; unused by an Elman layer.</summary>
    public float[] Cell { get; }

    /// <summary>Elements of the output, <c>T·N·H</c>.</summary>
    public int OutputCount => Elements(Size.SequenceLength, Size.BatchSize, Size.HiddenSize);

    /// <summary>A state of <paramref name="layer"/> with this problem's h and c.</summary>
    public LayerState Start(RecurrentLayer layer)
    {
        LayerState state = layer.CreateState(Size.BatchSize);
        Restart(state);
        return state;
    }

    public void Restart(LayerState state)
    {
        state.SetHidden(Hidden);
        if (Size.Shape.HasCellState)
            state.SetCell(Cell);
    }

    /// <summary>The exact result of some rows; rows are independent, so that a sample of them costs little and still judges.</summary>
    public ReferenceResult Exact(IReadOnlyList<int> rows)
    {
        int T = Size.SequenceLength, N = Size.BatchSize, I = Size.InputSize, H = Size.HiddenSize;
        var x = new double[Elements(T, rows.Count, I)];
        var h = new double[rows.Count * H];
        var c = new double[rows.Count * H];
        for (int row = 0; row < rows.Count; row++)
        {
            for (int t = 0; t < T; t++)
                Widen(Input.AsSpan((t * N + rows[row]) * I, I), x.AsSpan((t * rows.Count + row) * I, I));
            Widen(Hidden.AsSpan(rows[row] * H, H), h.AsSpan(row * H, H));
            Widen(Cell.AsSpan(rows[row] * H, H), c.AsSpan(row * H, H));
        }

        return new ReferenceLayer(Weights).Run(x, T, rows.Count, h, c);
    }

    private int Elements(params ReadOnlySpan<int> factors) => Extents.Elements(Size.Id, factors);

    private static float[] Uniform(Random random, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(2 * random.NextDouble() - 1);
        return values;
    }

    private static void Widen(ReadOnlySpan<float> from, Span<double> to)
    {
        for (int i = 0; i < from.Length; i++)
            to[i] = from[i];
    }
}
