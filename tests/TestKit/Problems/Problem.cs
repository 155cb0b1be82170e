using System.Collections.Concurrent;
using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Problems;

/// <summary>
/// One layer over random data that a seed repeats, with its exact answer, computed when first used and then kept. The id names it in every
/// failure, such as <c>lstm_i5_h7_t3_n2</c>.
/// </summary>
public sealed class Problem
{
    private static readonly Activation[] Activations = [Activation.Tanh, Activation.Relu, Activation.Sigmoid, Activation.Linear];
    private static readonly ConcurrentDictionary<(LayerShape, int, int), Problem> s_shared = new();
    private static readonly Lazy<Problem[]> s_sizes = new(() => [.. AllSizes()]), s_variations = new(() => [.. AllVariations()]);

    private readonly Lazy<ReferenceResult> _exact;
    private readonly Lazy<double> _deviation;

    public Problem(LayerShape shape, int T, int N, int seed = 1)
    {
        (Shape, this.T, this.N) = (shape, T, N);
        var random = new Random(seed + 31 * shape.HiddenSize + 7 * shape.InputSize);
        Weights = LayerWeights.Random(shape, random.Next());
        Input = Uniform(random, T * N * shape.InputSize);
        Hidden = Uniform(random, N * shape.OutputSize);
        Cell = Uniform(random, N * shape.HiddenSize);
        _exact = new Lazy<ReferenceResult>(() => Run.Exact(new ReferenceLayer(Weights)));
        _deviation = new Lazy<double>(() => Rounding.Of(new ReferenceLayer(Weights), Run, Exact).Worst);
    }

    public LayerShape Shape { get; }

    public int T { get; }

    public int N { get; }

    public LayerWeights Weights { get; }

    /// <summary>x, <c>[T, N, I]</c>, uniform in ±1, as h and c are.</summary>
    public float[] Input { get; }

    /// <summary>h before the first step, <c>[N, P]</c>.</summary>
    public float[] Hidden { get; }

    /// <summary>c before the first step, <c>[N, H]</c>; unused by a cell without.</summary>
    public float[] Cell { get; }

    /// <summary>What the reference makes of it.</summary>
    public ReferenceResult Exact => _exact.Value;

    /// <summary>Of float32, by the problem's own rounding.</summary>
    public double Deviation => _deviation.Value;

    /// <summary>What the layer is given, in double.</summary>
    internal LayerRun Run => new(Widen(Input), T, N, Widen(Hidden), Widen(Cell));

    public override string ToString() => $"{Shape}_t{T}_n{N}";

    /// <summary>A state of <paramref name="layer"/> with this problem's h and c.</summary>
    public LayerState Start(RecurrentLayer layer)
    {
        LayerState state = layer.CreateState(N);
        state.SetHidden(Hidden);
        if (Shape.HasCellState)
            state.SetCell(Cell);
        return state;
    }

    /// <summary>The one of these sizes that all tests share, and its exact answer with it. Nobody writes into it.</summary>
    public static Problem Of(LayerShape shape, int T, int N) => s_shared.GetOrAdd((shape, T, N), sizes => new Problem(sizes.Item1, sizes.Item2, sizes.Item3));

    /// <summary>Every size 1..17 on each axis, then around each vector width, non-square both ways, and a few large; made once, answers included.</summary>
    public static IEnumerable<Problem> Sizes() => s_sizes.Value;

    /// <summary>Every variation of every cell, and some together, at sizes around the vector widths; made once, answers included.</summary>
    public static IEnumerable<Problem> Variations() => s_variations.Value;

    /// <summary>Cells that a test project defines itself, from I and H: they take part in every problem that is not of a given cell.</summary>
    public static IList<Func<int, int, LayerShape>> OtherCells { get; } = [];

    /// <summary>An LSTM, an Elman layer (its activation taken in turn) and the test project's own cells, of the same sizes.</summary>
    public static IEnumerable<Problem> Both(int I, int H, int T, int N)
    {
        yield return Of(LayerShape.Lstm(I, H), T, N);
        yield return Of(LayerShape.Elman(I, H, Activations[(I + H + N) % 4]), T, N);
        foreach (Func<int, int, LayerShape> cell in OtherCells)
            yield return Of(cell(I, H), T, N);
    }

    /// <summary>Every cell at one size: <see cref="Both"/>, both kinds of GRU, and an LSTM with a projection.</summary>
    public static IEnumerable<Problem> Each(int I, int H, int T, int N) =>
    [
        .. Both(I, H, T, N),
        Of(LayerShape.Gru(I, H), T, N),
        Of(LayerShape.Gru(I, H, linearBeforeReset: false), T, N),
        Of(LayerShape.Lstm(I, H) with { ProjectionSize = (H + 1) / 2 }, T, N),
    ];

    private static IEnumerable<Problem> AllSizes()
    {
        for (int size = 1; size <= 17; size++)
        {
            foreach (Problem p in Both(5, size, 3, 3).Concat(Both(size, 5, 3, 3)).Concat(Both(4, 6, 2, size)))
                yield return p;
        }

        foreach (int size in (int[])[31, 32, 33, 63, 64, 65, 66, 127, 130])
        {
            foreach (Problem p in Both(size, size, 2, 5).Concat(Both(3, size, 2, 2)).Concat(Both(size, 3, 2, 2)).Concat(Both(7, 9, 2, size)))
                yield return p;
        }

        foreach (Problem p in Both(0, 9, 3, 2).Concat(Both(258, 255, 2, 4)).Concat(Both(13, 300, 2, 1)).Concat(Both(6, 10, 40, 4)).Concat(Both(16, 24, 70, 3)))
            yield return p;
    }

    private static IEnumerable<Problem> AllVariations()
    {
        (int, int, int, int)[] sizes = [(3, 1, 3, 1), (4, 5, 3, 2), (2, 8, 3, 1), (6, 15, 2, 3), (5, 17, 3, 4), (3, 33, 2, 1), (9, 65, 2, 7), (7, 20, 3, 100)];
        foreach ((int I, int H, int T, int N) in sizes)
        {
            foreach (LayerShape shape in VariedShapes(I, H))
                yield return new Problem(shape, T, N);
        }
    }

    /// <summary>The variations at one size.</summary>
    public static IEnumerable<LayerShape> VariedShapes(int I, int H)
    {
        LayerShape lstm = LayerShape.Lstm(I, H);
        foreach (Func<int, int, LayerShape> cell in OtherCells)
            yield return cell(I, H);
        yield return LayerShape.Gru(I, H);
        yield return LayerShape.Gru(I, H, linearBeforeReset: false);
        yield return LayerShape.Gru(I, H) with { Clip = 0.4f, GateActivation = Activation.HardSigmoid, CandidateActivation = Activation.Softsign };
        yield return LayerShape.Gru(I, H, linearBeforeReset: false) with { Clip = 0.4f, CandidateActivation = Activation.Relu };
        yield return lstm with { Peepholes = true };
        yield return lstm with { CoupledInputForget = true };
        yield return lstm with { Clip = 0.3f };
        yield return lstm with { Peepholes = true, CoupledInputForget = true, Clip = 0.5f, GateActivation = Activation.HardSigmoid, CandidateActivation = Activation.Elu, CellActivation = Activation.Softsign };
        if (H > 1)
        {
            yield return lstm with { ProjectionSize = (H + 1) / 2 };
            yield return lstm with { ProjectionSize = H - 1, Peepholes = true };
        }

        foreach (Activation kind in Enum.GetValues<Activation>())
            yield return LayerShape.Elman(I, H, kind is Activation.Affine or Activation.ScaledTanh ? new ActivationFunction(kind, 0.7f, 0.2f) : kind) with { Clip = kind == Activation.Softplus ? 0.9f : float.PositiveInfinity };
    }

    /// <summary>A handful for a backend that takes a second for each, ILGPU's CPU emulation.</summary>
    public static IEnumerable<Problem> Tiny() =>
        Both(1, 1, 1, 1).Concat(Both(3, 2, 2, 2)).Concat(Both(0, 3, 2, 1)).Concat(Both(5, 17, 1, 1)).Concat(Both(2, 4, 2, 3));

    /// <summary>Within ±1.</summary>
    public static float[] Uniform(Random random, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(2 * random.NextDouble() - 1);
        return values;
    }

    public static double[] Widen(float[] values) => Array.ConvertAll(values, v => (double)v);
}
