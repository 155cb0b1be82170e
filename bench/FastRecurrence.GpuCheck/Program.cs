using System.Globalization;
using FastRecurrence.GpuCheck;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["ptx", string folder, .. { Length: <= 1 } parts])
    return PtxDump.Write(folder, parts is [string part] ? part : "");
if (args is not ["run", ..] || Options.Parse(args.AsSpan(1)) is not Options options)
{
    Console.Error.WriteLine("""
        usage: gpu-check run [--device NAME] [--quick] [--minutes M]
                 verifies and times the kernels on NAME (cuda:0, and NVIDIA's OpenCL if there is one), at most M minutes (10);
                 writes gpu-check.md to the folder $OUT, else here
               gpu-check ptx FOLDER [PART]
                 writes every CUDA kernel as PTX, or those with PART in their names
        """);
    return 2;
}

return Check.Run(options);
