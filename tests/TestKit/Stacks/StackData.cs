using FastRecurrence.Reference;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Stacks;

/// <summary>The numbers of one layer and direction of a stack: weights, the h and the c before its first step, <c>[N, H]</c>.</summary>
internal sealed record LayerNumbers(LayerWeights Weights, Direction Direction, float[] Hidden, float[] Cell);

/// <summary>An exact output and how far float32 strays from it by its own rounding.</summary>
internal sealed record StackAnswer(double[] Output, double Deviation);

/// <summary>Reproducible random numbers for a problem of any depth and direction: weights as <see cref="LayerWeights.Random"/> has them, the rest uniform in ±1.</summary>
internal sealed class StackData
{
    public StackData(ProblemSize size, int seed)
    {
        Size = size;
        var random = new Random(seed);
        Input = Problem.Uniform(random, Extents.Elements(size.Id, size.SequenceLength, size.BatchSize, size.InputSize));
        OutputCount = Extents.Elements(size.Id, size.SequenceLength, size.BatchSize, size.OutputSize);
        Direction[] directions = size.Direction switch
        {
            LayerDirection.Forward => [Direction.Forward],
            LayerDirection.Reverse => [Direction.Reverse],
            _ => [Direction.Forward, Direction.Reverse],
        };
        Layers = [.. Enumerable.Range(0, size.Layers).Select(layer => (LayerNumbers[])[.. directions.Select(direction => Layer(layer, direction))])];

        LayerNumbers Layer(int layer, Direction direction)
        {
            LayerShape shape = size.ShapeOf(layer);
            int state = Extents.Elements(size.Id, size.BatchSize, size.HiddenSize);
            return new LayerNumbers(LayerWeights.Random(shape, random.Next()), direction, Problem.Uniform(random, state), shape.HasCellState ? Problem.Uniform(random, state) : []);
        }
    }

    public ProblemSize Size { get; }

    /// <summary>x, <c>[T, N, I]</c>.</summary>
    public float[] Input { get; }

    public int OutputCount { get; }

    /// <summary>The layers from the first to the last, each with its one or two directions.</summary>
    public IReadOnlyList<LayerNumbers[]> Layers { get; }

    /// <summary>The exact output of some rows over the first steps, <c>[steps, rows, H·directions]</c>; rows do not depend on each other.</summary>
    public StackAnswer Exact(IReadOnlyList<int> rows, int steps)
    {
        double[] x = Rows(Input, steps, Size.BatchSize, Size.InputSize, rows);
        double[]? variance = null;
        double deviation = 0;
        foreach (LayerNumbers[] layer in Layers)
        {
            double[][] outputs = new double[layer.Length][], variances = new double[layer.Length][];
            for (int d = 0; d < layer.Length; d++)
            {
                var reference = new ReferenceLayer(layer[d].Weights);
                var run = new LayerRun(x, steps, rows.Count, Rows(layer[d].Hidden, 1, Size.BatchSize, Size.HiddenSize, rows),
                    layer[d].Cell.Length == 0 ? null : Rows(layer[d].Cell, 1, Size.BatchSize, Size.HiddenSize, rows), layer[d].Direction);
                ReferenceResult exact = run.Exact(reference);
                var rounding = Rounding.Of(reference, run, exact, variance);
                (outputs[d], variances[d], deviation) = (exact.Output, rounding.Output, Math.Max(deviation, rounding.Worst));
            }

            (x, variance) = outputs.Length == 1 ? (outputs[0], variances[0]) : (SideBySide(outputs[0], outputs[1]), SideBySide(variances[0], variances[1]));
        }

        return new StackAnswer(x, deviation);
    }

    private double[] SideBySide(double[] forward, double[] reverse)
    {
        int H = Size.HiddenSize;
        var both = new double[2 * forward.Length];
        for (int row = 0; row < forward.Length / H; row++)
        {
            forward.AsSpan(row * H, H).CopyTo(both.AsSpan(2 * row * H));
            reverse.AsSpan(row * H, H).CopyTo(both.AsSpan((2 * row + 1) * H));
        }

        return both;
    }

    private static double[] Rows(float[] values, int steps, int batch, int features, IReadOnlyList<int> rows)
    {
        var some = new double[steps * rows.Count * features];
        for (int t = 0; t < steps; t++)
        {
            for (int row = 0; row < rows.Count; row++)
            {
                for (int k = 0; k < features; k++)
                    some[(t * rows.Count + row) * features + k] = values[(t * batch + rows[row]) * features + k];
            }
        }

        return some;
    }
}
