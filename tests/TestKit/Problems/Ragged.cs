using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Problems;

/// <summary>A batch of rows of different lengths, in no order, two of them empty; the padding is NaN, which must never be seen.</summary>
public sealed class Ragged
{
    private readonly Direction _direction;
    private readonly Padding _padding;
    private readonly SequenceLayout _layout;

    public Ragged(LayerShape shape, Direction direction, Padding padding, SequenceLayout layout)
    {
        (_direction, _padding, _layout) = (direction, padding, layout);
        Dense = new Problem(shape, 6, Lengths.Length);
        var reference = new ReferenceLayer(Dense.Weights);
        LayerRun run = Dense.Run with { Direction = direction, Lengths = Lengths };
        Exact = run.Exact(reference);
        Deviation = Rounding.Of(reference, run, Exact).Worst;
        float[] padded = Array.ConvertAll(Dense.Input, _ => float.NaN);
        int I = shape.InputSize;
        for (int n = 0; n < Dense.N; n++)
        {
            for (int t = 0; t < Lengths[n]; t++)
                Array.Copy(Dense.Input, (t * Dense.N + n) * I, padded, Place(t, n) * I, I);
        }

        Input = padded;
    }

    public static int[] Lengths { get; } = [3, 0, 6, 1, 6, 4, 0];

    public static IEnumerable<LayerShape> Shapes =>
        [LayerShape.Lstm(3, 9), LayerShape.Elman(3, 9), LayerShape.Gru(3, 9), LayerShape.Gru(3, 9, linearBeforeReset: false), LayerShape.Lstm(3, 9) with { ProjectionSize = 4, Peepholes = true },
            .. Problem.OtherCells.Select(cell => cell(3, 9))];

    /// <summary>The rows with their padding behind them, time-major, all steps filled.</summary>
    public Problem Dense { get; }

    /// <summary>The exact answer, time-major, padding behind.</summary>
    public ReferenceResult Exact { get; }

    /// <summary>Of float32, by the rows' own rounding.</summary>
    public double Deviation { get; }

    /// <summary>x as the caller has it.</summary>
    public float[] Input { get; }

    /// <summary>An exact output as the caller has it: 0 in the padding.</summary>
    public double[] ToCaller(double[] timeMajor)
    {
        var result = new double[timeMajor.Length];
        int width = timeMajor.Length / (Dense.T * Dense.N);
        for (int n = 0; n < Dense.N; n++)
        {
            for (int t = 0; t < Lengths[n]; t++)
                Array.Copy(timeMajor, (t * Dense.N + n) * width, result, Place(t, n) * width, width);
        }

        return result;
    }

    /// <summary>[T, N, …] to [N, T, …].</summary>
    public static TValue[] Transposed<TValue>(TValue[] timeMajor, int T, int N)
    {
        var result = new TValue[timeMajor.Length];
        int width = timeMajor.Length / Math.Max(1, T * N);
        for (int n = 0; n < N; n++)
        {
            for (int t = 0; t < T; t++)
                Array.Copy(timeMajor, (t * N + n) * width, result, (n * T + t) * width, width);
        }

        return result;
    }

    public override string ToString() => $"{Dense} {_direction} {_padding} {_layout}";

    private int Place(int t, int n)
    {
        t += _padding == Padding.Left ? Dense.T - Lengths[n] : 0;
        return _layout == SequenceLayout.TimeMajor ? t * Dense.N + n : n * Dense.T + t;
    }
}
