using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Data that live on the device: buffers, streams, marks, and what happens when memory or the device is gone.</summary>
[Collection("devices")]
public sealed class DeviceDataTests
{
    private static readonly Problem One = new(LayerShape.Lstm(11, 20), T: 9, N: 3);

    [Fact]
    public void A_run_on_device_memory_gives_the_bits_of_a_run_on_spans()
    {
        foreach (KernelFamily kernel in KernelFamily.All)
        {
            GpuBackend backend = OpenCl().Force(kernel);
            Problem p = kernel == GridPersistent.Family ? new Problem(LayerShape.Lstm(11, 12), T: 9, N: 3) : One;
            using var layer = (GpuLayer)backend.Prepare(p.Weights);
            float[] expected = OnSpans(layer, p, out float[] expectedGates, out float[] expectedCell);

            using GpuStream stream = backend.CreateStream();
            using LayerState state = layer.CreateState(p.N, stream);
            using DeviceBuffer x = backend.Allocate(p.Input.Length + 5), y = backend.Allocate(expected.Length), gates = backend.Allocate(expectedGates.Length);
            using DeviceBuffer h = backend.Allocate(p.Hidden.Length), c = backend.Allocate(p.Cell.Length);
            x.CopyFrom(p.Input, stream);
            h.CopyFrom(p.Hidden, stream);
            c.CopyFrom(p.Cell, stream);
            layer.SetState(state, h, c);
            layer.Run(state, p.T, x, y, gates);
            float[] output = new float[expected.Length], actualGates = new float[expectedGates.Length], cell = new float[expectedCell.Length];
            y.CopyTo(output, stream);
            gates.CopyTo(actualGates, stream);
            layer.CopyState(state, h, c);
            c.CopyTo(cell, stream);

            BackendContract.AssertSameBits(p, $"{kernel}: h", expected, output);
            BackendContract.AssertSameBits(p, $"{kernel}: gates", expectedGates, actualGates);
            BackendContract.AssertSameBits(p, $"{kernel}: c", expectedCell, cell);
        }
    }

    [Fact]
    public void Chunks_too_large_for_page_locked_memory_go_the_drivers_way()
    {
        LayerShape shape = LayerShape.Elman(2048, 8);
        var p = new Problem(shape, T: 5, N: 128);
        Assert.True(p.Input.Length * sizeof(float) > 4 << 20);
        using RecurrentLayer layer = OpenCl().Prepare(p.Weights);
        using LayerState state = layer.CreateState(p.N);
        state.SetHidden(p.Hidden);
        var output = new float[p.Exact.Output.Length];
        layer.Run(state, p.T, p.Input, output);
        for (int i = 0; i < output.Length; i++)
            Assert.True(Math.Abs(output[i] - p.Exact.Output[i]) <= 4e-6, $"h[{i}] is {output[i]}, exact {p.Exact.Output[i]}");
    }

    [Fact]
    public void Rows_of_different_lengths_and_c_of_every_step_agree_with_the_reference()
    {
        foreach (KernelFamily kernel in KernelFamily.All)
        {
            Problem p = kernel == GridPersistent.Family ? new Problem(LayerShape.Lstm(5, 8), T: 9, N: 4) : new Problem(LayerShape.Lstm(5, 20), T: 9, N: 4);
            int[] lengths = [7, 9, 0, 2];
            (float[] Output, float[] Cells) Run(Backend backend)
            {
                using RecurrentLayer layer = backend.Prepare(p.Weights);
                using LayerState state = layer.CreateState(p.N);
                state.SetHidden(p.Hidden);
                state.SetCell(p.Cell);
                float[] output = new float[p.Exact.Output.Length], cells = new float[output.Length];
                layer.Run(state, p.T, p.Input, output, new SequenceOptions { Lengths = lengths, Direction = Direction.Reverse, Cells = cells });
                return (output, cells);
            }

            (float[] exact, float[] exactCells) = Run(Backend.Reference);
            (float[] actual, float[] actualCells) = Run(OpenCl().Force(kernel));
            for (int i = 0; i < exact.Length; i++)
            {
                Assert.True(Math.Abs(exact[i] - actual[i]) <= 2e-6, $"{kernel}: h[{i}] is {actual[i]}, exact {exact[i]}");
                Assert.True(Math.Abs(exactCells[i] - actualCells[i]) <= 2e-6, $"{kernel}: c[{i}] is {actualCells[i]}, exact {exactCells[i]}");
            }
        }
    }

    [Fact]
    public void Buffers_that_do_not_fit_are_refused_before_any_work()
    {
        GpuBackend backend = OpenCl();
        using var layer = (GpuLayer)backend.Prepare(One.Weights);
        using LayerState state = layer.CreateState(One.N);
        using DeviceBuffer x = backend.Allocate(One.Input.Length), y = backend.Allocate(One.Exact.Output.Length), small = backend.Allocate(7);
        using DeviceBuffer foreign = Named.Gpu("ilgpu-cpu").Allocate(One.Input.Length);
        var e = Assert.Throws<ArgumentException>(() => layer.Run(state, One.T, small, y));
        Assert.Contains("7 floats", e.Message);
        Assert.Throws<ArgumentException>(() => layer.Run(state, One.T, x, small));
        Assert.Throws<ArgumentException>(() => layer.Run(state, One.T, x, y, small));
        Assert.Throws<ArgumentException>(() => layer.Run(state, 1, y, y));
        Assert.Contains("ilgpu-cpu", Assert.Throws<ArgumentException>(() => layer.Run(state, One.T, foreign, y)).Message);
        Assert.Throws<ArgumentException>(() => layer.CopyState(state, y));
        Assert.Throws<ArgumentException>(() => small.CopyFrom(new float[8]));
        Assert.Throws<ArgumentException>(() => small.CopyTo(new float[8]));
        small.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Run(state, One.T, x, small));
    }

    [Fact]
    public void Marks_measure_the_devices_own_time()
    {
        GpuBackend backend = OpenCl();
        using var layer = (GpuLayer)backend.Prepare(LayerWeights.Random(LayerShape.Lstm(64, 64), 1));
        using GpuStream stream = backend.CreateStream();
        using LayerState state = layer.CreateState(8, stream);
        using DeviceBuffer x = backend.Allocate(50 * 8 * 64), y = backend.Allocate(50 * 8 * 64);
        layer.Run(state, 50, x, y);
        stream.Synchronize();
        using DeviceMark before = stream.Mark();
        layer.Run(state, 50, x, y);
        using DeviceMark after = stream.Mark();
        Assert.InRange(after.Since(before).TotalMicroseconds, 1, 60e6);
    }

    [Fact]
    public void Everything_can_be_disposed_in_any_order()
    {
        GpuBackend backend = OpenCl();
        var random = new Random(5);
        for (int i = 0; i < 20; i++)
        {
            var layer = (GpuLayer)backend.Prepare(One.Weights);
            GpuStream stream = backend.CreateStream();
            LayerState state = layer.CreateState(One.N, stream), other = layer.CreateState(2);
            DeviceBuffer x = backend.Allocate(One.Input.Length), y = backend.Allocate(One.Exact.Output.Length);
            layer.Run(state, One.T, x, y);
            stream.Synchronize();
            foreach (IDisposable one in ((IDisposable[])[layer, stream, state, other, x, y]).OrderBy(_ => random.Next()))
            {
                one.Dispose();
                one.Dispose();
            }

            Assert.Throws<ObjectDisposedException>(() => layer.Run(state, One.T, x, y));
        }
    }

    [Fact]
    public void Too_much_memory_is_a_typed_error_after_which_everything_goes_on()
    {
        GpuBackend backend = OpenCl();
        using RecurrentLayer layer = backend.Prepare(One.Weights);
        var e = Assert.Throws<DeviceException>(() => backend.Allocate(1L << 42));
        Assert.Equal(4L << 42, e.RequestedBytes);
        Assert.Equal("opencl:0", e.Backend);
        Assert.NotNull(e.InnerException);
        OnSpans(layer, One, out _, out _);
    }

    [Fact]
    public void A_lost_device_says_so_and_leaves_the_CPU_and_disposal_working()
    {
        if (!OpenCl().IsAvailable)
            return;
        // A device of its own: this one cannot be used again.
        var backend = new GpuBackend("opencl:0", "to be lost", DeviceKind.OpenCl, 0, isCpuDevice: true, unavailableReason: null);
        var layer = (GpuLayer)backend.Prepare(One.Weights);
        LayerState state = layer.CreateState(One.N);
        DeviceBuffer buffer = backend.Allocate(4);
        GpuStream stream = backend.CreateStream();
        backend.Device.Lose(new InvalidOperationException("it fell off the bus"));

        foreach (Action use in (Action[])[
            () => layer.Run(state, 1, new float[One.N * 11], new float[One.N * 20]),
            () => state.Reset(), () => layer.CreateState(1), () => backend.Prepare(One.Weights),
            () => buffer.CopyFrom([1]), () => backend.Allocate(1), () => stream.Synchronize()])
        {
            var e = Assert.Throws<DeviceException>(use);
            Assert.Contains("it fell off the bus", e.Message);
        }

        foreach (IDisposable one in (IDisposable[])[stream, buffer, layer, state])
            one.Dispose();
        using RecurrentLayer cpu = Backend.Simd.Prepare(One.Weights);
        OnSpans(cpu, One, out _, out _);
    }

    [Theory]
    [InlineData("CUDA_ERROR_ILLEGAL_ADDRESS", true)]
    [InlineData("CUDA_ERROR_LAUNCH_TIMEOUT", true)]
    [InlineData("CUDA_ERROR_ECC_UNCORRECTABLE", true)]
    [InlineData("CUDA_ERROR_OUT_OF_MEMORY", false)]
    [InlineData("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", false)]
    [InlineData("CUDA_ERROR_INVALID_VALUE", false)]
    public void Only_errors_that_CUDA_does_not_recover_from_lose_the_device(string error, bool fatal) =>
        Assert.Equal(fatal, GpuDevice.IsFatal(error));

    private static float[] OnSpans(RecurrentLayer layer, Problem p, out float[] gates, out float[] cell)
    {
        using LayerState state = layer.CreateState(p.N);
        state.SetHidden(p.Hidden);
        state.SetCell(p.Cell);
        var output = new float[p.Exact.Output.Length];
        gates = new float[p.Exact.Gates.Length];
        cell = new float[p.Cell.Length];
        layer.Run(state, p.T, p.Input, output, gates);
        state.CopyCellTo(cell);
        return output;
    }

    private static GpuBackend OpenCl()
    {
        GpuBackend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        return backend;
    }
}
