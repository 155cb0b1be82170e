using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Gpu;

/// <summary>What the CUDA backend makes of a driver, on a machine without one.</summary>
public sealed class StubDriverTests
{
    [Fact]
    public void A_driver_that_reports_an_H100_is_understood() => StubDriver.RunExplicit(typeof(OnStubDriver));
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
    [InlineData(256, 1, "grid")]
    [InlineData(1024, 512, "tile")]
    public void The_kernel_is_chosen_by_the_traits_that_were_read(int hiddenSize, int batchSize, string kernel)
    {
        LayerShape shape = LayerShape.Lstm(hiddenSize, hiddenSize);
        Assert.StartsWith(kernel, Cuda().Explain(shape, batchSize));
        Assert.Equal(DeviceTraits.H100, Cuda().Device.Traits);
    }

    private static GpuBackend Cuda()
    {
        GpuBackend backend = GpuBackends.All.Single(b => b.Name == "cuda:0");
        Assert.True(backend.IsAvailable, backend.UnavailableReason);
        return backend;
    }
}
