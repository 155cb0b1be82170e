namespace FastRecurrence.Tests.Training;

/// <summary>A column of W by its number has the bits of the one-hot x that it stands for, forward and backward.</summary>
[Collection("teams")]
public sealed class OneHotTests
{
    private const int I = 7;

    private static IEnumerable<(BackwardProblem Problem, int[] Features)> Problems()
    {
        foreach ((int H, int T, int N) in ((int, int, int)[])[(5, 1, 1), (5, 6, 1), (19, 5, 4), (33, 70, 9)])
        {
            foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(I, H), LayerShape.Gru(I, H), LayerShape.Gru(I, H, false), LayerShape.Elman(I, H), LayerShape.Dense(I, H), LayerShape.Lstm(I, H) with { ProjectionSize = 3 }])
            {
                foreach ((bool ragged, Direction direction) in ((bool, Direction)[])[(false, Direction.Forward), (true, Direction.Reverse)])
                {
                    var p = new BackwardProblem(shape, T, N, ragged, direction);
                    int[] features = [.. Enumerable.Range(0, T * N).Select(i => i * 5 % (I - 1))]; // the last one never occurs
                    Array.Clear(p.Input);
                    for (int row = 0; row < T * N; row++)
                    {
                        p.Input[row * I + features[row]] = 1;
                        if (p.Lengths is not null && row / N >= p.Lengths[row % N])
                            features[row] = -5; // padding is not read
                    }

                    yield return (p, features);
                }
            }
        }
    }

    [Fact]
    public void Has_the_bits_of_the_dense_input()
    {
        using var team = new WorkerTeam(3);
        foreach ((BackwardProblem p, int[] features) in Problems())
        {
            foreach (Backend backend in Backend.All)
            {
                (float[] y, float[] h, float[] dW, float[] dR) expected = Run(p, backend, null), actual = Run(p, backend, features);
                Compare(expected, actual, backend.Name);
                if (backend.Name != "reference")
                    Compare(expected, Run(p, backend, features, team), "three workers");
            }

            void Compare((float[] Y, float[] H, float[] DW, float[] DR) expected, (float[] Y, float[] H, float[] DW, float[] DR) actual, string what)
            {
                Assert.True(expected.Y.SequenceEqual(actual.Y), $"{p} on {what}: y");
                Assert.True(expected.H.SequenceEqual(actual.H), $"{p} on {what}: h");
                Assert.True(expected.DW.SequenceEqual(actual.DW), $"{p} on {what}: dW");
                Assert.True(expected.DR.SequenceEqual(actual.DR), $"{p} on {what}: dR");
            }
        }
    }

    [Fact]
    public void A_layer_and_a_stack_take_it_without_a_tape()
    {
        (BackwardProblem p, int[] features) = Problems().ElementAt(13);
        foreach (Backend backend in Backend.All)
        {
            using RecurrentLayer layer = backend.Prepare(p.Weights);
            using var stack = new RecurrentStack(backend, StackLayer.Bidirectional(p.Weights, p.Weights));
            float[][] y = [.. Enumerable.Range(0, 4).Select(i => new float[p.OutputGradient.Length * (1 + i / 2)])];
            layer.Run(layer.CreateState(p.N), p.T, p.Input, y[0], p.Options);
            layer.Run(layer.CreateState(p.N), p.T, default, y[1], p.Options with { OneHotInput = features });
            stack.Run(stack.CreateState(p.N), p.T, p.Input, y[2], new StackOptions { Lengths = p.Lengths });
            stack.Run(stack.CreateState(p.N), p.T, default, y[3], new StackOptions { Lengths = p.Lengths, OneHotInput = features });
            Assert.Equal(y[0], y[1]);
            Assert.Equal(y[2], y[3]);
        }
    }

    [Fact]
    public void Features_that_are_not_there_are_refused()
    {
        var p = new BackwardProblem(LayerShape.Lstm(I, 5), 2, 2);
        using TrainingLayer layer = Backend.Simd.PrepareForTraining(p.Weights);
        using LayerState state = layer.CreateState(2);
        using TrainingTape tape = layer.CreateTape(2, 2);
        float[] y = new float[20], before = new float[10], after = new float[10];
        layer.Run(state, tape, 2, p.Input, y);
        state.CopyHiddenTo(before);
        string Refused(int[] features, float[] x) =>
            Assert.ThrowsAny<ArgumentException>(() => layer.Run(state, tape, 2, x, y, new SequenceOptions { OneHotInput = features })).Message;
        Assert.Contains("OneHotInput[2] is 7", Refused([0, 1, I, 2], []));
        Assert.Contains("OneHotInput[3] is -1", Refused([0, 1, 2, -1], []));
        Assert.Contains("OneHotInput", Refused([0, 1, 2], []));
        Assert.Contains("input", Refused([0, 1, 2, 3], p.Input));
        Assert.True(tape.IsFull);
        state.CopyHiddenTo(after);
        Assert.Equal(before, after);
        Assert.ThrowsAny<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, null, new BackwardOptions { OneHotInput = [0, 1, 2, 3] }));
        layer.Run(state, tape, 2, default, y, new SequenceOptions { OneHotInput = [0, 1, 2, 3] });
        Assert.ThrowsAny<ArgumentException>(() => layer.Backward(tape, default, y, default, null));
        Assert.ThrowsAny<ArgumentException>(() => layer.Backward(tape, default, y, default, null, new BackwardOptions { OneHotInput = [0, 1, 2, 3], Input = new float[4 * I] }));
        layer.Backward(tape, default, y, default, null, new BackwardOptions { OneHotInput = [0, 1, 2, 3] });
        using RecurrentLayer narrow = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(64, 256), 1), WeightFormat.Bfloat16);
        Assert.Throws<NotSupportedException>(() => narrow.Run(narrow.CreateState(1), 1, default, new float[256], new SequenceOptions { OneHotInput = [3] }));
    }

    private static (float[] Y, float[] H, float[] DW, float[] DR) Run(BackwardProblem p, Backend backend, int[]? features, WorkerTeam? team = null)
    {
        using TrainingLayer layer = backend.PrepareForTraining(p.Weights);
        using LayerState state = layer.CreateState(p.N, team);
        using TrainingTape tape = layer.CreateTape(p.T, p.N, team);
        LayerGradients gradients = layer.CreateGradients();
        gradients.Sums.Span.Fill(float.NaN); // clear gradients hold anything
        p.Set(state);
        float[] x = features is null ? p.Input : [], y = new float[p.OutputGradient.Length], h = new float[p.N * p.Shape.OutputSize];
        for (int round = 0; round < 2; round++)
        {
            layer.Run(state, tape, p.T, x, y, p.Options with { OneHotInput = features });
            layer.Backward(tape, x, y, p.OutputGradient, gradients, new BackwardOptions { OneHotInput = features, FinalHidden = p.FinalHidden });
        }

        state.CopyHiddenTo(h);
        return (y, h, gradients.InputWeights.ToArray(), gradients.RecurrentWeights.ToArray());
    }
}
