using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>New weights in a layer on a device: into the memory that is there, while its states go on.</summary>
[Collection("devices")]
public sealed class DeviceLoadTests
{
    private const int I = 5, N = 3, T = 6;

    [Fact]
    public void Every_shape_has_the_bits_of_a_layer_prepared_with_them()
    {
        GpuBackend backend = Device("opencl:0");
        foreach (LayerShape shape in Problem.VariedShapes(I, 19).Prepend(LayerShape.Lstm(I, 19)))
            Check(backend.Prepare, backend, shape, WeightFormat.Float32);
    }

    [Fact]
    public void Bfloat16_weights_too()
    {
        foreach (KernelFamily family in (KernelFamily[])[SplitKStep.Family, BlockPersistent.Family])
        {
            GpuBackend backend = Device("opencl:0").Force(family);
            foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(I, 20), LayerShape.Gru(I, 19), LayerShape.Elman(I, 33)])
                Check(backend.Prepare, backend, shape, WeightFormat.Bfloat16);
        }
    }

    /// <summary>W of more panels than are packed at once, and R, of a candidate and of a projection, in the order of tensor cores.</summary>
    [Fact]
    public void What_tensor_cores_multiply_by_is_new_as_well()
    {
        GpuDevice device = Device("ilgpu-cpu").Device;
        foreach (LayerShape shape in (LayerShape[])[
            LayerShape.Lstm(140, 8), LayerShape.Gru(8, 12, linearBeforeReset: false), LayerShape.Lstm(8, 12) with { ProjectionSize = 8 }])
        {
            LayerWeights first = LayerWeights.Random(shape, 1), second = LayerWeights.Random(shape, 2);
            using DeviceWeights loaded = new(first, device, WeightFormat.Float32, InputGemm.TripleTf32);
            using DeviceWeights fresh = new(second, device, WeightFormat.Float32, InputGemm.TripleTf32);
            using Lock.Scope _ = device.Enter();
            float[][] before = Read(device, loaded), expected = Read(device, fresh);
            long allocations = device.Transfers.Allocations;
            loaded.Load(PackedLayer.Of(second, WeightFormat.Float32));
            Assert.Equal(allocations, device.Transfers.Allocations);
            float[][] after = Read(device, loaded);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i], after[i]);
                Assert.Equal(expected[i].All(v => v == 0), before[i].SequenceEqual(after[i]));
            }

            // Lane 4g + t of a fragment has k's 4t to 4t + 3 of column g.
            int columns = 4 * loaded.Columns4, across = TensorFragments.Across(loaded.Columns4);
            float[] w = PackedWeights.Input(shape, second.InputWeights);
            for (int at = 0; at < w.Length; at++)
            {
                int k = at / columns, column = at % columns;
                int lane = ((k / 16 * across) + column / 8) * 32 + 4 * (column % 8) + k % 16 / 4;
                Assert.Equal(w[at], after[0][4 * lane + k % 4]);
            }
        }
    }

    private static float[][] Read(GpuDevice device, DeviceWeights weights)
    {
        RecurrentMatrices fragments = weights.OnTensorCores();
        return
        [
            .. new[]
            {
                weights.Input, weights.Recurrent, weights.Bias, weights.Candidate, weights.Projection,
                fragments.Recurrent, fragments.Candidate, fragments.Projection,
            }
            .Where(view => view.Length > 0).Select(view =>
            {
                var values = new float[4 * view.Length];
                Transfer.ToHost(device, device.DefaultStream, view.Cast<float>(), values);
                return values;
            }),
        ];
    }

    [Fact]
    public void What_tensor_cores_multiply_by_is_made_with_the_state_and_not_in_its_first_run()
    {
        GpuBackend backend = Device("ilgpu-cpu").Force(TensorTiledStep.Family);
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(4, 8), 1));
        using LayerState state = layer.CreateState(2);
        Assert.Equal(TensorTiledStep.Family, ((GpuState)state).Choice.Family);
        TransferCount count = backend.Device.Transfers;
        (long allocations, long up, long down) = (count.Allocations, count.Uploads, count.Downloads);
        layer.Step(state, new float[8], new float[16]);
        Assert.Equal((allocations, up + 1, down + 1), (count.Allocations, count.Uploads, count.Downloads));
    }

    [Fact]
    public void What_does_not_fit_or_comes_too_late_is_refused()
    {
        RecurrentLayer layer = Device("opencl:0").Prepare(LayerWeights.Random(LayerShape.Gru(3, 5), 1));
        Assert.Contains("gru_i3_h6", Assert.Throws<ArgumentException>("weights", () => layer.Load(LayerWeights.Random(LayerShape.Gru(3, 6), 1))).Message);
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Load(LayerWeights.Random(LayerShape.Gru(3, 5), 2)));
    }

    private static void Check(Func<LayerWeights, WeightFormat, RecurrentLayer> prepare, GpuBackend backend, LayerShape shape, WeightFormat format)
    {
        LayerWeights first = LayerWeights.Random(shape, 1), second = LayerWeights.Random(shape, 2);
        var p = new Problem(shape, T, N);
        using RecurrentLayer layer = prepare(first, format), other = prepare(second, format);
        using LayerState state = layer.CreateState(N), expectedState = other.CreateState(N);
        float[] before = new float[T * N * shape.OutputSize], after = new float[before.Length], expected = new float[before.Length];
        float[] x = Problem.Uniform(new Random(4), T * N * shape.InputSize); // as LoadTests: every activation gives something
        layer.Run(state, T, x, before);
        float[] h = new float[N * shape.OutputSize], c = new float[shape.HasCellState ? N * shape.HiddenSize : 0];
        state.CopyHiddenTo(h);
        expectedState.SetHidden(h);
        if (shape.HasCellState)
        {
            state.CopyCellTo(c);
            expectedState.SetCell(c);
        }

        long allocations = backend.Device.Transfers.Allocations;
        layer.Load(second);
        Assert.Equal(allocations, backend.Device.Transfers.Allocations);
        layer.Run(state, T, x, after);
        other.Run(expectedState, T, x, expected);
        BackendContract.AssertSameBits(p, "after new weights", expected, after);
        Assert.NotEqual(before, after);
    }

    private static GpuBackend Device(string name)
    {
        GpuBackend backend = Named.Gpu(name);
        if (!backend.IsAvailable)
            Assert.Skip($"{name}: {backend.UnavailableReason}");
        return backend;
    }
}
