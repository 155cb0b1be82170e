using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>What the reference's backward pass promises beside its equations.</summary>
public sealed class ReferenceBackwardTests
{
    private static readonly (int Steps, double Norm)[] s_sheet =
        [(1, 0.9327379053), (2, 0.7653757247), (4, 0.5683331593), (8, 0.3177124748), (16, 0.0991890674)];

    /// <summary>
    /// Exercise 1 from one backward pass: H copies of a row, dh_T = identity. Then row j of dh_t is row j of ∂h_T/∂h_t for every
    /// t, and the norm over the batch is the sheet's.
    /// </summary>
    [Theory]
    [InlineData(Direction.Forward)]
    [InlineData(Direction.Reverse)]
    public void Exercise_1_by_identity_gradients(Direction direction)
    {
        const int H = 2, T = 16;
        var layer = new ReferenceLayer(LayerShape.Elman(1, H, Activation.Linear), [0, 0], [0.5, 0.2, 0.3, 0.7], [0, 0]);
        double[] norms = layer.Backward(Identity(new double[T * H], T, H) with { InitialHidden = [0.1, 0.2, 0.1, 0.2], Direction = direction }).StateNorms;
        Assert.Equal(Math.Sqrt(H), norms[T], 1e-15);
        foreach ((int steps, double norm) in s_sheet)
            Assert.Equal(norm, norms[T - steps], 1e-10);
    }

    /// <summary>The same of a tanh cell: every ∂h_T/∂h_t from one backward pass against the chain rule written out, and from steps back to the start.</summary>
    [Fact]
    public void Identity_gradients_are_the_product_of_the_steps()
    {
        const int I = 2, H = 4, T = 7;
        GradientProblem problem = GradientProblem.Draw(LayerShape.Elman(I, H), T, N: 1);
        double[] x = problem.Input.Input, output = problem.Layer.Run(x, T, 1).Output;
        double[] copies = [.. Enumerable.Range(0, T).SelectMany(t => Enumerable.Repeat(x[(t * I)..((t + 1) * I)], H).SelectMany(row => row))];
        ReferenceGradients gradients = problem.Layer.Backward(Identity(copies, T, H));
        for (int t = 0; t < T; t++)
        {
            double[] jacobian = problem.Layer.HiddenGradient(output, t, T - 1);
            Assert.Equal(jacobian, gradients.Hidden[(t * H * H)..((t + 1) * H * H)], (a, b) => Math.Abs(a - b) <= 1e-14);
            Assert.Equal(Math.Sqrt(jacobian.Sum(v => v * v)), gradients.StateNorms[t + 1], 1e-14);
        }
    }

    /// <summary>NaN in the padding of x and dy: no gradient sees it. Rows and steps that are padding get 0.</summary>
    [Theory]
    [InlineData(Direction.Forward)]
    [InlineData(Direction.Reverse)]
    public void Padding_is_never_read(Direction direction)
    {
        const int T = 6, N = 3;
        foreach (LayerShape shape in GradientShapes.All(3, 4, 2))
        {
            GradientProblem problem = GradientProblem.Draw(shape, T, N, ragged: true, direction);
            ReferenceGradients clean = problem.Layer.Backward(problem.Input);
            int[] lengths = problem.Input.Lengths!;
            double[] Poison(double[] values)
            {
                double[] poisoned = [.. values];
                int features = values.Length / (T * N);
                for (int row = 0; row < T * N; row++)
                {
                    if (row / N >= lengths[row % N])
                        poisoned.AsSpan(row * features, features).Fill(double.NaN);
                }

                return poisoned;
            }

            ReferenceGradients poisoned = problem.Layer.Backward(problem.Input with { Input = Poison(problem.Input.Input), OutputGradient = Poison(problem.Input.OutputGradient!) });
            foreach (((string name, _, double[] expected), (_, _, double[] actual)) in problem.Parts(clean).Zip(problem.Parts(poisoned)))
                Assert.True(expected.SequenceEqual(actual), $"{shape}: d{name}");
            Assert.Equal(clean.StateNorms, poisoned.StateNorms);
            for (int row = 0; row < T * N; row++)
            {
                if (row / N >= lengths[row % N])
                    Assert.All(clean.Input[(row * 3)..((row + 1) * 3)], v => Assert.Equal(0, v));
            }
        }
    }

    /// <summary>A row in a ragged batch has the gradients it has alone, and the weights' are the sums over rows.</summary>
    [Theory]
    [InlineData(Direction.Forward)]
    [InlineData(Direction.Reverse)]
    public void A_row_of_a_batch_is_a_row_alone(Direction direction)
    {
        const int T = 6, N = 4, I = 3;
        foreach (LayerShape shape in GradientShapes.All(I, 4, 2))
        {
            GradientProblem problem = GradientProblem.Draw(shape, T, N, ragged: true, direction);
            ReferenceBackwardInput batch = problem.Input;
            ReferenceGradients all = problem.Layer.Backward(batch);
            int H = shape.HiddenSize, P = shape.OutputSize;
            var sum = new double[shape.RecurrentWeightCount];
            for (int n = 0; n < N; n++)
            {
                int length = batch.LengthOf(n);
                double[] Steps(double[] rows, int features) => [.. Enumerable.Range(0, length).SelectMany(t => rows[((t * N + n) * features)..((t * N + n + 1) * features)])];
                double[]? State(double[]? rows, int features) => rows?[(n * features)..((n + 1) * features)];
                ReferenceGradients alone = problem.Layer.Backward(new ReferenceBackwardInput
                {
                    Input = Steps(batch.Input, I),
                    SequenceLength = length,
                    BatchSize = 1,
                    Direction = direction,
                    InitialHidden = State(batch.InitialHidden, P),
                    InitialCell = State(batch.InitialCell, H),
                    OutputGradient = Steps(batch.OutputGradient!, P),
                    FinalHiddenGradient = State(batch.FinalHiddenGradient, P),
                    FinalCellGradient = State(batch.FinalCellGradient, H),
                });
                Assert.Equal(alone.Input, Steps(all.Input, I));
                Assert.Equal(alone.InitialHidden, State(all.InitialHidden, P));
                Assert.Equal(alone.InitialCell, State(all.InitialCell, H));
                for (int i = 0; i < sum.Length; i++)
                    sum[i] += alone.RecurrentWeights[i];
                if (length == 0)
                    Assert.Equal(State(batch.FinalHiddenGradient, P), alone.InitialHidden); // the state went through unchanged
            }

            Assert.Equal(sum, all.RecurrentWeights, (a, b) => Math.Abs(a - b) <= 1e-13 * Math.Max(1, Math.Abs(a)));
        }
    }

    /// <summary>Two calls over halves of the steps, the second's dh0 and dc0 fed to the first, are one call.</summary>
    [Fact]
    public void Chained_chunks_are_one_call()
    {
        const int T = 6, N = 2, I = 3, Cut = 2;
        foreach (LayerShape shape in GradientShapes.All(I, 4, 2))
        {
            GradientProblem problem = GradientProblem.Draw(shape, T, N);
            ReferenceBackwardInput whole = problem.Input;
            ReferenceGradients all = problem.Layer.Backward(whole);
            int P = shape.OutputSize;
            ReferenceResult state = problem.Layer.Run(whole.Input[..(Cut * N * I)], Cut, N, whole.InitialHidden, whole.InitialCell);
            ReferenceGradients late = problem.Layer.Backward(whole with
            {
                Input = whole.Input[(Cut * N * I)..],
                SequenceLength = T - Cut,
                InitialHidden = state.Hidden,
                InitialCell = shape.HasCellState ? state.Cell : null,
                OutputGradient = whole.OutputGradient![(Cut * N * P)..],
            });
            ReferenceGradients early = problem.Layer.Backward(whole with
            {
                Input = whole.Input[..(Cut * N * I)],
                SequenceLength = Cut,
                OutputGradient = whole.OutputGradient![..(Cut * N * P)],
                FinalHiddenGradient = late.InitialHidden,
                FinalCellGradient = shape.HasCellState ? late.InitialCell : null,
            });
            Assert.Equal(all.Input, early.Input.Concat(late.Input));
            Assert.Equal(all.InitialHidden, early.InitialHidden);
            Assert.Equal(all.InitialCell, early.InitialCell);
            Assert.Equal(all.InputWeights, early.InputWeights.Zip(late.InputWeights, (a, b) => a + b), (a, b) => Math.Abs(a - b) <= 1e-13 * Math.Max(1, Math.Abs(a)));
        }
    }

    /// <summary>A NaN in dy of one row spoils dx and dh0 of that row and every gradient of weights, nothing else.</summary>
    [Fact]
    public void NaN_stays_in_its_row()
    {
        GradientProblem problem = GradientProblem.Draw(LayerShape.Lstm(3, 4), T: 5, N: 3);
        ReferenceGradients clean = problem.Layer.Backward(problem.Input);
        double[] dy = [.. problem.Input.OutputGradient!];
        dy[(4 * 3 + 1) * 4] = double.NaN; // the last step of row 1
        ReferenceGradients spoilt = problem.Layer.Backward(problem.Input with { OutputGradient = dy });
        for (int row = 0; row < 5 * 3; row++)
        {
            for (int k = 0; k < 3; k++)
                Assert.Equal(row % 3 == 1 ? double.NaN : clean.Input[row * 3 + k], spoilt.Input[row * 3 + k]);
        }

        Assert.Equal(clean.InitialHidden[..4].Concat(Enumerable.Repeat(double.NaN, 4)).Concat(clean.InitialHidden[8..]), spoilt.InitialHidden);
        Assert.Contains(double.NaN, spoilt.InputWeights);
        Assert.All(spoilt.RecurrentWeights, v => Assert.Equal(double.NaN, v));
    }

    /// <summary>A call that does not fit is refused with both numbers, and names what is wrong.</summary>
    [Fact]
    public void Refusals()
    {
        GradientProblem problem = GradientProblem.Draw(LayerShape.Gru(3, 4), ragged: true);
        ReferenceBackwardInput good = problem.Input;
        string Refusal(ReferenceBackwardInput bad) => Assert.ThrowsAny<ArgumentException>(() => problem.Layer.Backward(bad)).Message;
        Assert.Contains("Input has 1 values, expected 36", Refusal(good with { Input = [1] }));
        Assert.Contains("OutputGradient has 2 values, expected 48", Refusal(good with { OutputGradient = [1, 2] }));
        Assert.Contains("FinalHiddenGradient has 3 values, expected 8", Refusal(good with { FinalHiddenGradient = [1, 2, 3] }));
        Assert.Contains("InitialHidden has 1 values, expected 8", Refusal(good with { InitialHidden = [1] }));
        Assert.Contains("no cell state c", Refusal(good with { FinalCellGradient = new double[8] }));
        Assert.Contains("Lengths has 1 values, expected 2", Refusal(good with { Lengths = [1] }));
        Assert.Contains("Lengths[1] is 7; a row has from 0 to T = 6 steps", Refusal(good with { Lengths = [1, 7] }));
    }

    /// <summary>A loss that reads the h of the last step alone, of one unit in each of H equal rows.</summary>
    private static ReferenceBackwardInput Identity(double[] input, int T, int H)
    {
        var identity = new double[H * H];
        for (int j = 0; j < H; j++)
            identity[j * H + j] = 1;
        return new ReferenceBackwardInput { Input = input, SequenceLength = T, BatchSize = H, FinalHiddenGradient = identity };
    }
}
