using FastRecurrence.Gpu;

namespace FastRecurrence.TestKit;

/// <summary>Backends by name, whether they can run here or not.</summary>
internal static class Named
{
    public static Backend Core(string name) => Backend.All.Single(b => b.Name == name);

    public static GpuBackend Gpu(string name) => GpuBackends.All.Single(b => b.Name == name);
}
