using FastRecurrence.Gpu;

namespace FastRecurrence.GpuCheck;

/// <summary>Writes every CUDA kernel as PTX, for an assembler to judge: scripts/ptx-report.</summary>
internal static class PtxDump
{
    public static int Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach ((string name, CellKernel kernel) in CellKernels.All)
            File.WriteAllText(Path.Combine(folder, name + ".ptx"), PtxCompiler.Compile(kernel));
        return 0;
    }
}
