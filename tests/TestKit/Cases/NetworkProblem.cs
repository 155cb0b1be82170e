using FastRecurrence.Import;
using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A stack with inputs, as PyTorch composes it: y, h_n and c_n.</summary>
/// <param name="Layers">Every layer and direction, forward before reverse.</param>
/// <param name="Directions">D.</param>
/// <param name="Input">x, <c>[T, N, I]</c> or batch-major.</param>
/// <param name="T">Steps.</param>
/// <param name="N">Rows.</param>
/// <param name="BatchMajor">Whether x and y are batch-major.</param>
/// <param name="Lengths">Steps of each row; null when all have T.</param>
/// <param name="InitialHidden">h_0, <c>[layers·D, N, H]</c>; null for zeros.</param>
/// <param name="InitialCell">c_0; null for zeros.</param>
internal sealed record NetworkProblem(LayerData<double>[] Layers, int Directions, double[] Input, int T, int N, bool BatchMajor, int[]? Lengths, double[]? InitialHidden, double[]? InitialCell)
{
    private int P => Layers[0].Shape.OutputSize;

    private int H => Layers[0].Shape.HiddenSize;

    private int[] OutputShape => BatchMajor ? [N, T, Directions * P] : [T, N, Directions * P];

    /// <summary>In double, with the deviation of float32 carried from layer to layer.</summary>
    public ExactOutputs Exact()
    {
        double[] x = BatchMajor ? NumberTensor.SwapOuter(Input, N, T, Layers[0].Shape.InputSize) : Input;
        double[]? variance = null;
        double deviation = 0;
        List<double> h = [], c = [];
        for (int k = 0; k < Layers.Length; k += Directions)
        {
            double[][] sides = new double[Directions][], variances = new double[Directions][];
            for (int d = 0; d < Directions; d++)
            {
                LayerData<double> w = Layers[k + d];
                var layer = new ReferenceLayer(w.Shape, w.InputWeights, w.RecurrentWeights, w.Bias, w.Peepholes, w.Projection);
                var run = new LayerRun(x, T, N, Part(InitialHidden, k + d, P), Part(InitialCell, k + d, H), d == 0 ? Direction.Forward : Direction.Reverse, Lengths);
                ReferenceResult r = run.Exact(layer);
                var rounding = Rounding.Of(layer, run, r, variance);
                deviation = Math.Max(deviation, rounding.Worst);
                (sides[d], variances[d]) = (r.Output, rounding.Output);
                h.AddRange(r.Hidden);
                c.AddRange(r.Cell);
            }

            (x, variance) = (SideBySide(sides), SideBySide(variances));
        }

        return new ExactOutputs(Outputs(BatchMajor ? NumberTensor.SwapOuter(x, T, N, Directions * P) : x, [.. h], [.. c]), deviation);
    }

    public Dictionary<string, NumberTensor> Run(Backend backend)
    {
        LayerWeights[] weights = [.. Layers.Select(layer => layer.ToWeights())];
        using var stack = new RecurrentStack(backend, [.. Enumerable.Range(0, Layers.Length / Directions).Select(k =>
            Directions == 1 ? StackLayer.Unidirectional(weights[k]) : StackLayer.Bidirectional(weights[2 * k], weights[2 * k + 1]))]);
        using StackState state = stack.CreateState(N);
        bool cell = Layers[0].Shape.HasCellState;
        for (int i = 0; i < stack.StateCount; i++)
        {
            if (Part(InitialHidden, i, P) is { } h0)
                state.SetHidden(i, Array.ConvertAll(h0, v => (float)v));
            if (cell && Part(InitialCell, i, H) is { } c0)
                state.SetCell(i, Array.ConvertAll(c0, v => (float)v));
        }

        float[] y = [.. Enumerable.Repeat(float.NaN, T * N * Directions * P)], h = new float[N * P], c = new float[N * H];
        stack.Run(state, T, Array.ConvertAll(Input, v => (float)v), y, new StackOptions { Lengths = Lengths, Layout = BatchMajor ? SequenceLayout.BatchMajor : SequenceLayout.TimeMajor });
        List<double> hidden = [], cells = [];
        for (int i = 0; i < stack.StateCount; i++)
        {
            state.CopyHiddenTo(i, h);
            hidden.AddRange(h.Select(v => (double)v));
            if (!cell)
                continue;
            state.CopyCellTo(i, c);
            cells.AddRange(c.Select(v => (double)v));
        }

        return Outputs(Array.ConvertAll(y, v => (double)v), [.. hidden], [.. cells]);
    }

    private Dictionary<string, NumberTensor> Outputs(double[] y, double[] h, double[] c)
    {
        var outputs = new Dictionary<string, NumberTensor> { ["y"] = new(OutputShape, y), ["h_n"] = new([Layers.Length, N, P], h) };
        if (Layers[0].Shape.HasCellState)
            outputs.Add("c_n", new NumberTensor([Layers.Length, N, H], c));
        return outputs;
    }

    private double[] SideBySide(double[][] sides) =>
        sides.Length == 1 ? sides[0] : [.. Enumerable.Range(0, T * N).SelectMany(row => sides.SelectMany(side => side.AsSpan(row * P, P).ToArray()))];

    private double[]? Part(double[]? all, int index, int width) => all?[(index * N * width)..((index + 1) * N * width)];
}
