using FastRecurrence.GpuCheck;

return args switch
{
    ["ptx", string folder] => PtxDump.Write(folder),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: gpu-check ptx FOLDER");
    return 2;
}
