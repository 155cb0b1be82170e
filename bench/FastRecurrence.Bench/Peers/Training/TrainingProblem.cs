using System.Globalization;
using FastRecurrence.Reference;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>One training step of the grid: a layer with I = H, a batch, a length, a number of threads. Both processes make the same numbers of it.</summary>
/// <param name="Cell">The recurrence.</param>
/// <param name="Hidden">H, and I.</param>
/// <param name="Batch">N.</param>
/// <param name="Steps">T.</param>
/// <param name="Threads">How many an engine may use.</param>
/// <param name="IsRagged">Whether lengths are uniform in 1..T; else all are T.</param>
/// <param name="Updates">Whether plain gradient descent ends the step.</param>
internal sealed record TrainingProblem(CellKind Cell, int Hidden, int Batch, int Steps, int Threads, bool IsRagged, bool Updates)
{
    /// <summary>So small that weights stay as they are while everything is computed.</summary>
    public const double LearningRate = 1e-12;

    private const int GradientsWritten = 3; // of x, W and h: each as many multiplications as the forward pass has for x or h

    public LayerShape Shape => Cell switch
    {
        CellKind.Lstm => LayerShape.Lstm(Hidden, Hidden),
        CellKind.Gru => LayerShape.Gru(Hidden, Hidden),
        _ => LayerShape.Elman(Hidden, Hidden),
    };

    /// <summary>As the result file and torch call the cell.</summary>
    public string CellName => Cell switch { CellKind.Lstm => "lstm", CellKind.Gru => "gru", _ => "rnn" };

    public LayerWeights Weights() => LayerWeights.Random(Shape, 1);

    /// <summary>x, <c>[T, N, H]</c>, uniform in ±1.</summary>
    public float[] Input() => Problem.Uniform(new Random(2), Steps * Batch * Hidden);

    /// <summary>∂L/∂y, likewise.</summary>
    public float[] OutputGradient() => Problem.Uniform(new Random(3), Steps * Batch * Hidden);

    /// <summary>Steps of each row; empty when all have T.</summary>
    public int[] Lengths()
    {
        var random = new Random(4);
        return IsRagged ? [.. Enumerable.Range(0, Batch).Select(_ => 1 + random.Next(Steps))] : [];
    }

    /// <summary>Steps of all rows together.</summary>
    public long RowSteps => IsRagged ? Lengths().Sum() : (long)Steps * Batch;

    /// <summary>Of the forward pass, the gradients of x and h, and those of the weights; activations and the update are not counted.</summary>
    public double Flops => GradientsWritten * ForwardFlops;

    /// <summary>Of the forward pass.</summary>
    public double ForwardFlops => Shape.FlopsPerStep(1) * RowSteps;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Cell.ToString().ToLowerInvariant()}_t{Steps}_n{Batch}_i{Hidden}_h{Hidden} {Threads}t{(IsRagged ? " ragged" : "")}");

    public void Write(BinaryWriter writer)
    {
        foreach (int value in (int[])[(int)Cell, Hidden, Batch, Steps, Threads])
            writer.Write(value);
        writer.Write(IsRagged);
        writer.Write(Updates);
    }

    public static TrainingProblem Read(BinaryReader reader) => new((CellKind)reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(),
        reader.ReadInt32(), reader.ReadBoolean(), reader.ReadBoolean());

    /// <summary>
    /// y and ∂L/∂x of the first and the last row in double: rows do not depend on each other there, so two rows are enough to check all their steps.
    /// </summary>
    public ExactRows Exact()
    {
        int[] rows = Batch == 1 ? [0] : [0, Batch - 1], lengths = Lengths();
        double[] Rows(float[] all)
        {
            var some = new double[Steps * rows.Length * Hidden];
            for (int i = 0; i < Steps * rows.Length; i++)
            {
                for (int k = 0; k < Hidden; k++)
                    some[i * Hidden + k] = all[(i / rows.Length * Batch + rows[i % rows.Length]) * Hidden + k];
            }

            return some;
        }

        var layer = new ReferenceLayer(Weights());
        var input = new ReferenceBackwardInput
        {
            Input = Rows(Input()),
            OutputGradient = Rows(OutputGradient()),
            SequenceLength = Steps,
            BatchSize = rows.Length,
            Lengths = IsRagged ? [.. rows.Select(n => lengths[n])] : null,
        };
        return new ExactRows(rows, this, layer.Run(input.Input, Steps, rows.Length, lengths: input.Lengths).Output, layer.Backward(input).Input);
    }
}

/// <summary>What a step must give, for some rows.</summary>
internal sealed class ExactRows(int[] rows, TrainingProblem problem, double[] output, double[] inputGradient)
{
    /// <summary>The largest errors of y and of ∂L/∂x, relative to the largest value.</summary>
    public (double Output, double InputGradient) Errors(StepResults results) => (Error(output, results.Output), Error(inputGradient, results.InputGradient));

    private double Error(double[] exact, float[] actual)
    {
        double worst = 0, largest = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            int row = i / problem.Hidden, at = (row / rows.Length * problem.Batch + rows[row % rows.Length]) * problem.Hidden + i % problem.Hidden;
            largest = Math.Max(largest, Math.Abs(exact[i]));
            double error = Math.Abs(exact[i] - actual[at]);
            if (!(error <= worst))
                worst = error; // and stays NaN where one is
        }

        return worst / Math.Max(largest, float.Epsilon);
    }
}
