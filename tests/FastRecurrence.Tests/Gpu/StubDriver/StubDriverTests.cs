using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.Tests.Gpu;

/// <summary>What the CUDA backend makes of a driver, on a machine without one.</summary>
[Collection("devices")]
public sealed class StubDriverTests
{
    [Fact]
    public void A_driver_that_reports_an_H100_is_understood() => StubDriver.RunExplicit(typeof(OnStubDriver));

    [Fact]
    public void The_environment_forces_a_kernel() => StubDriver.RunExplicit(typeof(WithForcedKernel), (ForcedKernel.Variable, "slice"));

    [Fact]
    public void An_unknown_kernel_in_the_environment_is_told_by_every_backend() => StubDriver.RunExplicit(typeof(WithUnknownKernel), (ForcedKernel.Variable, "fastest"));
}

/// <summary>Run by <see cref="StubDriverTests"/> in a process of their own.</summary>
public sealed class OnStubDriver
{
    [Fact(Explicit = true)]
    public void The_drivers_kilohertz_are_gigahertz_in_the_traits_and_in_the_description()
    {
        GpuBackend backend = Cuda();
        Assert.Equal(1.98, backend.Device.Traits.GigaHertz, 1e-9);
        Assert.Equal(132, backend.Device.Traits.Multiprocessors);
        Assert.True(backend.Device.Traits.HasTensorCores);
        Assert.Equal("Stub H100 (SM_90, 132 multiprocessors, 1.98 GHz)", backend.Description);
    }

    [Theory(Explicit = true)]
    [InlineData(256, 1, "grid-persistent")]
    [InlineData(1024, 512, "tensor-tiled-step")]
    [InlineData(512, 32, "tensor-split-k-step")]
    public void The_kernel_is_chosen_by_the_traits_that_were_read(int hiddenSize, int batchSize, string kernel)
    {
        LayerShape shape = LayerShape.Lstm(hiddenSize, hiddenSize);
        Assert.StartsWith(kernel, Cuda().Explain(shape, batchSize));
        Assert.Equal(DeviceTraits.H100, Cuda().Device.Traits);
    }

    [Fact(Explicit = true)]
    public void A_kernel_has_one_parameter_and_a_chunk_few_launches()
    {
        using var layer = (GpuLayer)Cuda().Force(GridPersistent.Family).Prepare(LayerWeights.Random(LayerShape.Lstm(64, 256), 1));
        using LayerState state = layer.CreateState(1);
        using DeviceBuffer x = Cuda().Allocate(64 * 100), y = Cuda().Allocate(256 * 100);
        layer.Run(state, 100, x, y);
        StubDriver.Reset();
        layer.Run(state, 100, x, y);
        Assert.Equal(2, StubDriver.Launches()); // the input GEMM and the grid
        Assert.Equal(0, StubDriver.Copies()); // the next h and c change places with the old, the flag is raised in host memory
    }

    internal static GpuBackend Cuda()
    {
        GpuBackend backend = GpuBackends.All.Single(b => b.Name == "cuda:0");
        Assert.True(backend.IsAvailable, backend.UnavailableReason);
        return backend;
    }
}

/// <summary>The same, with a kernel forced by the environment.</summary>
public sealed class WithForcedKernel
{
    [Fact(Explicit = true)]
    public void It_is_taken_by_every_layer() => Assert.StartsWith("split-k-step", OnStubDriver.Cuda().Explain(LayerShape.Lstm(8, 256), 1));
}

/// <summary>The same, with a name in the environment that is no kernel's.</summary>
public sealed class WithUnknownKernel
{
    [Fact(Explicit = true)]
    public void No_backend_is_available_and_each_says_why()
    {
        Assert.All(GpuBackends.All, b => Assert.Equal(
            "the environment variable FASTRECURRENCE_GPU_KERNEL is 'fastest'; it may be tiled-step (tile), split-k-step (slice), block-persistent (group), grid-persistent (grid), tensor-tiled-step (tensor-tile), tensor-split-k-step (tensor-slice), or not set",
            b.UnavailableReason));
        Assert.Throws<BackendUnavailableException>(() => GpuBackends.All[0].Prepare(LayerWeights.Random(LayerShape.Lstm(1, 1), 1)));
    }
}
