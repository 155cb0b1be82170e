using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
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

    /// <summary>W of more panels than are packed at once, and R, of a candidate and of a projection, in their second order.</summary>
    [Fact]
    public void What_tensor_cores_multiply_by_is_new_as_well()
    {
        GpuBackend backend = Device("ilgpu-cpu").Force(TensorTiledStep.Family).With(InputGemm.TripleTf32);
        foreach (LayerShape shape in (LayerShape[])[
            LayerShape.Lstm(140, 8), LayerShape.Gru(8, 12, linearBeforeReset: false), LayerShape.Lstm(8, 12) with { ProjectionSize = 8 }])
            Check((weights, format) => new GpuLayer(weights, backend, format), backend, shape, WeightFormat.Float32);
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
        layer.Run(state, T, p.Input, before);
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
        layer.Run(state, T, p.Input, after);
        other.Run(expectedState, T, p.Input, expected);
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
