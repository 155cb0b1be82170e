namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README's training loop between the two marks, word for word (ReadmeTests compares).</summary>
public sealed class TrainingExample
{
    private const int T = 12, N = 16;

    private static readonly Random s_random = new(1);

    [Fact]
    public void Loss_falls()
    {
        float[] x = new float[T * N * 3], targets = new float[T * N], y = new float[T * N], dy = new float[T * N];
        double first = 0, last = 0;

        // README example 2
        using var net = new TrainingStack(Backend.Simd,
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(3, 32), seed: 1)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Dense(32, 1), seed: 2)));
        using StackState state = net.CreateState(N);
        using StackTape tape = net.CreateTape(T, N);
        LayerGradients[] gradients = net.CreateGradients();
        var adam = new Adam(learningRate: 0.01);

        for (int step = 0; step < 200; step++)
        {
            NextBatch(x, targets); // yours: x [T, N, 3], targets [T, N]
            state.Reset();
            net.Run(state, tape, T, x, y);
            double loss = Losses.SquaredError(y, targets, dy);
            net.Backward(tape, x, dy, gradients);
            adam.Step(net, gradients);
            Array.ForEach(gradients, g => g.Clear());
            Report(step, loss);
        }
        // end of README example 2

        Assert.True(last < first / 10, $"{first} → {last}");

        // The difference of the first feature and that of the step before.
        static void NextBatch(float[] x, float[] targets)
        {
            for (int i = 0; i < x.Length; i++)
                x[i] = 2 * s_random.NextSingle() - 1;
            for (int row = 0; row < targets.Length; row++)
                targets[row] = x[row * 3] - (row < N ? 0 : x[(row - N) * 3]);
        }

        void Report(int step, double loss) => (first, last) = (step == 0 ? loss : first, loss);
    }
}
