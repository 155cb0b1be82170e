namespace FastRecurrence.Gpu.Families;

/// <summary>Every kernel that a CUDA device may be given, for tests and reports that compile them without a device.</summary>
internal static class KernelCatalog
{
    /// <summary>All instances of all families, by names that say what they are.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> All => [.. InputGemmFamily.Instances, .. KernelFamily.All.SelectMany(f => f.Instances)];

    /// <summary>What stands around them and computes nothing.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> Around => RowMoves.Instances;
}
