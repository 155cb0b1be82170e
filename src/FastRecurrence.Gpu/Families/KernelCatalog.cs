namespace FastRecurrence.Gpu.Families;

/// <summary>Every kernel that a CUDA device may be given, for tests and reports that compile them without a device.</summary>
internal static class KernelCatalog
{
    /// <summary>All instances of all families and of what stands around them, by names that say what they are.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> All =>
        [.. InputGemmFamily.Instances, .. RowMoves.Instances, .. KernelFamily.All.SelectMany(f => f.Instances)];
}
