using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README's second example between the two marks, word for word (ReadmeTests compares).</summary>
[Collection("devices")]
public sealed class DeviceExample
{
    [Fact]
    public void Lists_every_backend_and_picks_a_usable_one()
    {
        // README example 3
        foreach (Backend backend in Backend.All.Concat(GpuBackends.All))
            Console.WriteLine($"{backend.Name}: {backend.UnavailableReason ?? backend.Description}");

        Backend device = GpuBackends.All.FirstOrDefault(b => b.IsAvailable && !b.IsCpuDevice) ?? Backend.Simd;
        // end of README example 3

        Assert.True(device.IsAvailable);
    }
}
