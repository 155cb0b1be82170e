using System.Globalization;
using FastRecurrence.Reference;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.Bench.Peers;

/// <summary>One cell of the grid: a layer with I = H, a batch, a length and a number of threads; the data are made on demand.</summary>
internal sealed class PeerProblem(CellKind cell, int hidden, int batch, int steps, int threads)
{
    private double[]? _exact;

    public CellKind Cell { get; } = cell;

    public int Hidden { get; } = hidden;

    public int Batch { get; } = batch;

    public int Steps { get; } = steps;

    public int Threads { get; } = threads;

    public LayerShape Shape => Cell == CellKind.Lstm ? LayerShape.Lstm(Hidden, Hidden) : LayerShape.Elman(Hidden, Hidden);

    public LayerWeights Weights => field ??= LayerWeights.Random(Shape, 1);

    /// <summary>x, <c>[T, N, H]</c>, uniform in ±1.</summary>
    public float[] Input => field ??= Problem.Uniform(new Random(2), Steps * Batch * Hidden);

    public double Flops => Shape.FlopsPerStep(Batch) * Steps;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Cell.ToString().ToLowerInvariant()}_t{Steps}_n{Batch}_i{Hidden}_h{Hidden} {Threads}t");

    /// <summary>
    /// The largest error of an output against double. Rows do not depend on each other, so the first and the last row are
    /// computed in full and check all their steps.
    /// </summary>
    public double Error(float[] output)
    {
        int[] rows = Batch == 1 ? [0] : [0, Batch - 1];
        _exact ??= Exact(rows);
        double worst = 0;
        for (int t = 0; t < Steps; t++)
        {
            for (int r = 0; r < rows.Length; r++)
            {
                for (int j = 0; j < Hidden; j++)
                    worst = Math.Max(worst, Math.Abs(output[(t * Batch + rows[r]) * Hidden + j] - _exact[(t * rows.Length + r) * Hidden + j]));
            }
        }

        return worst;
    }

    private double[] Exact(int[] rows)
    {
        var x = new double[Steps * rows.Length * Hidden];
        for (int t = 0; t < Steps; t++)
        {
            for (int r = 0; r < rows.Length; r++)
            {
                for (int k = 0; k < Hidden; k++)
                    x[(t * rows.Length + r) * Hidden + k] = Input[(t * Batch + rows[r]) * Hidden + k];
            }
        }

        return new ReferenceLayer(Weights).Run(x, Steps, rows.Length).Output;
    }
}
