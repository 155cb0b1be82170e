using FastRecurrence.Gpu;
using FastRecurrence.Tests.Cells;

namespace FastRecurrence.Tests.Training;

/// <summary>What a training layer promises on every backend that has one, beside the gradients themselves.</summary>
public sealed class TrainingLayerTests
{
    public static TheoryData<string> Backends => [.. Backend.All.Select(b => b.Name)];

    private static Backend Of(string name) => Backend.All.Single(b => b.Name == name);

    /// <summary>Padding on the left, reverse and batch-major are places in memory: the reference and the kernels agree about them.</summary>
    [Fact]
    public void Every_layout_is_that_of_the_reference()
    {
        foreach (SequenceLayout layout in Enum.GetValues<SequenceLayout>())
        {
            foreach (Padding padding in Enum.GetValues<Padding>())
            {
                foreach (Direction direction in Enum.GetValues<Direction>())
                {
                    var p = new BackwardProblem(LayerShape.Lstm(3, 5), 4, 3, ragged: true, direction);
                    (float[] dx, float[] dW, float[] dh) expected = Gradients(Backend.Reference), actual = Gradients(Backend.Simd);
                    Assert.Equal(expected.dx, actual.dx, (a, b) => Math.Abs(a - b) <= 2e-6);
                    Assert.Equal(expected.dW, actual.dW, (a, b) => Math.Abs(a - b) <= 3e-6);
                    Assert.Equal(expected.dh, actual.dh, (a, b) => Math.Abs(a - b) <= 2e-6);

                    (float[], float[], float[]) Gradients(Backend backend)
                    {
                        using TrainingLayer layer = backend.PrepareForTraining(p.Weights);
                        using LayerState state = layer.CreateState(p.N);
                        using TrainingTape tape = layer.CreateTape(p.T, p.N);
                        LayerGradients gradients = layer.CreateGradients();
                        float[] y = BackwardProblem.Poison(p.OutputGradient.Length), dx = BackwardProblem.Poison(p.Input.Length), dh = BackwardProblem.Poison(p.Hidden.Length);
                        layer.Run(state, tape, p.T, p.Input, y, p.Options with { Layout = layout, Padding = padding });
                        layer.Backward(tape, p.Input, y, p.OutputGradient, gradients, new BackwardOptions { Input = dx, InitialHidden = dh, FinalHidden = p.FinalHidden });
                        return (dx, gradients.InputWeights.ToArray(), dh);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void What_does_not_fit_is_refused_and_changes_nothing(string name)
    {
        Backend backend = Of(name);
        var p = new BackwardProblem(LayerShape.Lstm(3, 5), 4, 2);
        using TrainingLayer layer = backend.PrepareForTraining(p.Weights), other = backend.PrepareForTraining(p.Weights);
        using LayerState state = layer.CreateState(2);
        using TrainingTape tape = layer.CreateTape(4, 2), three = layer.CreateTape(4, 3);
        LayerGradients gradients = layer.CreateGradients();
        float[] y = new float[40], dx = new float[24];
        string Refused<T>(Action call)
            where T : Exception => Assert.ThrowsAny<T>(call).Message;

        Assert.Contains("holds no run", Refused<InvalidOperationException>(() => layer.Backward(tape, p.Input, y, p.OutputGradient, gradients)));
        Assert.Contains("room for 4 steps", Refused<ArgumentOutOfRangeException>(() => layer.Run(state, tape, 5, new float[30], new float[50])));
        Assert.Contains("batch of 3", Refused<ArgumentException>(() => layer.Run(state, three, 4, p.Input, y)));
        Assert.Contains("another TrainingLayer", Refused<ArgumentException>(() => other.Run(other.CreateState(2), tape, 4, p.Input, y)));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.CreateTape(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.CreateTape(4, 0));
        layer.Run(state, tape, 4, p.Input, y);
        Refused<ArgumentException>(() => layer.Run(state, tape, 4, new float[23], y));
        Assert.Contains("expected 24", Refused<ArgumentException>(() => layer.Backward(tape, new float[23], y, p.OutputGradient, gradients)));
        Assert.Contains("expected 40", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, new float[41], p.OutputGradient, gradients)));
        Assert.Contains("expected 40", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, new float[39], gradients)));
        Assert.Contains("FinalHidden", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, gradients, new BackwardOptions { FinalHidden = new float[9] })));
        Assert.Contains("StateNorms", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, gradients, new BackwardOptions { StateNorms = new double[4] })));
        Assert.Contains("overlaps", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, gradients, new BackwardOptions { Input = p.Input })));
        Assert.Contains("overlap", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, gradients, new BackwardOptions { InitialHidden = dx.AsSpan(0, 10), InitialCell = dx.AsSpan(5, 10) })));
        Assert.Contains("lstm_i3_h6", Refused<ArgumentException>(() => layer.Backward(tape, p.Input, y, default, new LayerGradients(LayerShape.Lstm(3, 6)))));
        Assert.True(tape.IsFull);
        Assert.All(gradients.InputWeights.ToArray(), g => Assert.Equal(0f, g));
        layer.Backward(tape, p.Input, y, p.OutputGradient, gradients, new BackwardOptions { Input = dx });
        Assert.Contains(gradients.InputWeights.ToArray(), g => g != 0);
        Assert.False(tape.IsFull);
        Refused<InvalidOperationException>(() => layer.Backward(tape, p.Input, y, p.OutputGradient, gradients));
        using TrainingLayer gru = backend.PrepareForTraining(LayerWeights.Random(LayerShape.Gru(3, 5), 1));
        using TrainingTape gruTape = gru.CreateTape(4, 2);
        using LayerState gruState = gru.CreateState(2);
        gru.Run(gruState, gruTape, 4, p.Input, y);
        Assert.Contains("no cell state", Refused<ArgumentException>(() => gru.Backward(gruTape, p.Input, y, default, null, new BackwardOptions { FinalCell = new float[10] })));
        tape.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Run(state, tape, 4, p.Input, y));
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.CreateTape(4, 2));
        Assert.Throws<ObjectDisposedException>(() => layer.Load(p.Weights));
    }

    [Fact]
    public void An_activation_that_does_not_tell_its_slope_is_refused_by_the_kernels_alone()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Elman(3, 5, new ActivationFunction(Activation.Elu, -0.5f)), 1);
        Assert.Contains("elu(-0.5)", Assert.Throws<NotSupportedException>(() => Backend.Simd.PrepareForTraining(weights)).Message);
        Backend.Reference.PrepareForTraining(weights).Dispose();
    }

    [Fact]
    public void Devices_refuse_dense_layers_and_training_by_name()
    {
        foreach (Backend device in GpuBackends.All.Where(b => b.IsAvailable))
        {
            LayerWeights dense = LayerWeights.Random(LayerShape.Dense(3, 5), 1), lstm = LayerWeights.Random(LayerShape.Lstm(3, 5), 1);
            Assert.Contains("no dense layers", Assert.Throws<NotSupportedException>(() => device.Prepare(dense)).Message);
            Assert.Contains("no backward pass", Assert.Throws<NotSupportedException>(() => device.PrepareForTraining(lstm)).Message);
        }
    }

    /// <summary>Gradients of a tape would be those of neither the old weights nor the new.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void A_tape_is_void_once_the_weights_have_changed(string name)
    {
        var p = new BackwardProblem(LayerShape.Gru(3, 5), 4, 2);
        using TrainingLayer layer = Of(name).PrepareForTraining(p.Weights);
        using LayerState state = layer.CreateState(2);
        using TrainingTape tape = layer.CreateTape(4, 2);
        LayerGradients gradients = layer.CreateGradients();
        var y = new float[40];
        layer.Run(state, tape, 4, p.Input, y);
        layer.Load(LayerWeights.Random(p.Shape, 5));
        Assert.Contains("weights have changed", Assert.Throws<InvalidOperationException>(() => layer.Backward(tape, p.Input, y, p.OutputGradient, gradients)).Message);
        layer.Run(state, tape, 4, p.Input, y);
        layer.Backward(tape, p.Input, y, p.OutputGradient, gradients);
    }

    /// <summary>Loaded weights give the bits of a layer prepared with them: forward, backward, and as read back.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void Loaded_weights_are_those_of_a_layer_made_with_them(string name)
    {
        foreach (LayerShape shape in GradientShapes.All(4, 19, 7).Where(CanBeTrained).DistinctBy(shape => shape.ToString()))
        {
            var p = new BackwardProblem(shape, 3, 2);
            using TrainingLayer layer = Of(name).PrepareForTraining(LayerWeights.Random(shape, 9)), fresh = Of(name).PrepareForTraining(p.Weights);
            layer.Load(p.Weights);
            (float[] y, float[] dx, float[] dR) expected = Step(fresh, p), actual = Step(layer, p);
            Assert.Equal(expected.y, actual.y);
            Assert.Equal(expected.dx, actual.dx);
            Assert.Equal(expected.dR, actual.dR);
            LayerWeights read = layer.ToWeights();
            foreach (WeightParts part in LayerGradients.Parts)
                Assert.Equal(p.Weights.Part(part).ToArray(), read.Part(part).ToArray());
        }
    }

    /// <summary>Frozen parts stay as they are, whether clear or not, and the others have the bits they have without.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void Frozen_parts_are_left_alone(string name)
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(5, 21) with { Peepholes = true, ProjectionSize = 9 }, LayerShape.Gru(5, 21), LayerShape.Gru(5, 21, false), LayerShape.Elman(5, 21)])
        {
            var p = new BackwardProblem(shape, 3, 2);
            using TrainingLayer layer = Of(name).PrepareForTraining(p.Weights);
            LayerGradients all = layer.CreateGradients();
            Step(layer, p, all, WeightParts.None);
            foreach (WeightParts frozen in (WeightParts[])[WeightParts.InputWeights, WeightParts.RecurrentWeights, WeightParts.Bias, WeightParts.Peepholes | WeightParts.Projection, WeightParts.All, WeightParts.All & ~WeightParts.Bias])
            {
                LayerGradients some = layer.CreateGradients();
                Step(layer, p, some, frozen);
                foreach (WeightParts part in LayerGradients.Parts)
                    Assert.Equal((frozen & part) == 0 ? Values(all, part) : new float[Values(all, part).Length], Values(some, part));
                Step(layer, p, some, ~frozen & WeightParts.All);
                foreach (WeightParts part in LayerGradients.Parts)
                    Assert.Equal(Values(all, part), Values(some, part)); // what was frozen at first was still clear
            }
        }
    }

    [Fact]
    public void Gradients_scale_add_and_clip_as_numbers_do()
    {
        foreach (LayerShape shape in GradientShapes.All(4, 35, 7).Where(CanBeTrained).DistinctBy(shape => shape.ToString()))
        {
            var p = new BackwardProblem(shape, 3, 2);
            using TrainingLayer layer = Backend.Simd.PrepareForTraining(p.Weights);
            LayerGradients gradients = layer.CreateGradients(), sum = layer.CreateGradients();
            Step(layer, p, gradients, WeightParts.None);
            float[] All(LayerGradients of) => [.. LayerGradients.Parts.ToArray().SelectMany(part => Values(of, part))];
            float[] values = All(gradients);
            Assert.Equal(Math.Sqrt(values.Sum(v => (double)v * v)), gradients.Norm(), 1e-9 * gradients.Norm());
            sum.Add(gradients);
            sum.Add(gradients);
            Assert.Equal(values.Select(v => 2 * v), All(sum));
            sum.Scale(0.25f);
            Assert.Equal(values.Select(v => v / 2), All(sum));
            double norm = gradients.Norm();
            Assert.Equal(norm, gradients.ClipToNorm(2 * norm));
            Assert.Equal(values, All(gradients));
            double together = Math.Sqrt(norm * norm * 1.25);
            Assert.Equal(together, LayerGradients.ClipToNorm(together / 2, gradients, sum), 1e-9 * together);
            Assert.Equal(values.Select(v => v / 2), All(gradients), (a, b) => Math.Abs(a - b) <= 1e-6f * Math.Abs(a));
            Assert.Null(gradients.FindNonFinite());
            gradients.Scale(float.NaN);
            Assert.NotNull(gradients.FindNonFinite());
            Assert.True(double.IsNaN(gradients.ClipToNorm(1)));
            gradients.Clear();
            Assert.Equal(0, gradients.Norm());
            Assert.Throws<ArgumentOutOfRangeException>(() => gradients.ClipToNorm(0));
            Assert.Throws<ArgumentException>(() => gradients.Add(new LayerGradients(LayerShape.Lstm(1, 1))));
        }
    }

    /// <summary>∂h_T/∂h_t of the exercise sheet's linear cell: H copies of a row, ∂L/∂h_T the identity.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void State_norms_are_those_of_the_exercise_sheet(string name)
    {
        const int T = 16, H = 2;
        var weights = new LayerWeights(LayerShape.Elman(1, H, Activation.Linear), [0, 0], [0.5f, 0.2f, 0.3f, 0.7f]);
        using TrainingLayer layer = Of(name).PrepareForTraining(weights);
        using LayerState state = layer.CreateState(H);
        using TrainingTape tape = layer.CreateTape(T, H);
        float[] x = new float[T * H], y = new float[T * H * H];
        var norms = new double[T + 1];
        layer.Run(state, tape, T, x, y);
        layer.Backward(tape, x, y, default, null, new BackwardOptions { FinalHidden = [1, 0, 0, 1], StateNorms = norms });
        foreach ((int steps, double norm) in ((int, double)[])[(0, Math.Sqrt(2)), (1, 0.9327379053), (2, 0.7653757247), (4, 0.5683331593), (8, 0.3177124748), (16, 0.0991890674)])
            Assert.Equal(norm, norms[T - steps], 1e-6);
    }

    /// <summary>A cell of the tests' own trains through the public calls, from its one file: its loss falls, on every backend alike.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void A_cell_from_outside_learns(string name)
    {
        const int T = 6, N = 8, I = 3, H = 12;
        var shape = new LayerShape(MinGru.Definition, I, H);
        using TrainingLayer layer = Of(name).PrepareForTraining(LayerWeights.Random(shape, 3)), head = Of(name).PrepareForTraining(LayerWeights.Random(LayerShape.Dense(H, 1), 4));
        using LayerState state = layer.CreateState(N), headState = head.CreateState(N);
        using TrainingTape tape = layer.CreateTape(T, N), headTape = head.CreateTape(1, N);
        LayerGradients gradients = layer.CreateGradients(), headGradients = head.CreateGradients();
        var adam = new Adam(0.02);
        var random = new Random(5);
        float[] x = [.. Enumerable.Range(0, T * N * I).Select(_ => (float)random.NextDouble() - 0.5f)], h = new float[T * N * H], y = new float[N], dh = new float[N * H];
        float[] target = [.. Enumerable.Range(0, N).Select(n => x[n * I] - x[(3 * N + n) * I + 1])]; // a first and a middle step
        double first = 0, loss = 0;
        for (int step = 0; step < 400; step++)
        {
            state.Reset();
            layer.Run(state, tape, T, x, h);
            head.Run(headState, headTape, 1, h.AsSpan(^(N * H)), y);
            loss = Losses.SquaredError(y, target, y.AsSpan());
            first = step == 0 ? loss : first;
            head.Backward(headTape, h.AsSpan(^(N * H)), new float[N], y, headGradients, new BackwardOptions { Input = dh });
            layer.Backward(tape, x, h, default, gradients, new BackwardOptions { FinalHidden = dh });
            adam.Step(layer, gradients);
            adam.Step(head, headGradients);
            gradients.Clear();
            headGradients.Clear();
        }

        Assert.True(loss < first / 20, $"{first} → {loss}");
    }

    internal static bool CanBeTrained(LayerShape shape)
    {
        try
        {
            Backend.Simd.PrepareForTraining(LayerWeights.Random(shape, 1)).Dispose();
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    private static float[] Values(LayerGradients gradients, WeightParts part) => part switch
    {
        WeightParts.InputWeights => gradients.InputWeights.ToArray(),
        WeightParts.RecurrentWeights => gradients.RecurrentWeights.ToArray(),
        WeightParts.Bias => gradients.Bias.ToArray(),
        WeightParts.Peepholes => gradients.Peepholes.ToArray(),
        _ => gradients.Projection.ToArray(),
    };

    private static (float[] Y, float[] Dx, float[] DR) Step(TrainingLayer layer, BackwardProblem p)
    {
        LayerGradients gradients = layer.CreateGradients();
        (float[] y, float[] dx) = Step(layer, p, gradients, WeightParts.None);
        return (y, dx, gradients.RecurrentWeights.ToArray());
    }

    private static (float[] Y, float[] Dx) Step(TrainingLayer layer, BackwardProblem p, LayerGradients gradients, WeightParts frozen)
    {
        using LayerState state = layer.CreateState(p.N);
        using TrainingTape tape = layer.CreateTape(p.T, p.N);
        p.Set(state);
        float[] y = new float[p.OutputGradient.Length], dx = new float[p.Input.Length];
        layer.Run(state, tape, p.T, p.Input, y);
        layer.Backward(tape, p.Input, y, p.OutputGradient, gradients, new BackwardOptions { Input = dx, Frozen = frozen });
        return (y, dx);
    }
}
