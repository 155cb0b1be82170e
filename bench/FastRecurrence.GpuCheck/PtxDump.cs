using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.GpuCheck;

/// <summary>Writes every CUDA kernel as PTX, for an assembler to judge: scripts/ptx-report.</summary>
internal static class PtxDump
{
    public static int Write(string folder, string part)
    {
        Directory.CreateDirectory(folder);
        foreach ((string name, KernelInstance kernel) in KernelCatalog.All.Concat(KernelCatalog.Around).Where(k => k.Name.Contains(part, StringComparison.Ordinal)))
            File.WriteAllText(Path.Combine(folder, name + ".ptx"), PtxCompiler.Compile(kernel));
        return 0;
    }
}
