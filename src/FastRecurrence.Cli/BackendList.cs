using FastRecurrence.Gpu;

namespace FastRecurrence.Cli;

/// <summary>Every backend under the name that options, tables and JSON use.</summary>
internal static class BackendList
{
    /// <summary>The core's, then the devices. A backend joins the tool by joining one of these two lists.</summary>
    public static IReadOnlyList<Backend> All { get; } = [.. Backend.All, .. GpuBackends.All];

    /// <summary>
    /// The backends that names stand for: a backend's own name, <c>simd</c> for the widest that this processor has, <c>cuda</c> or
    /// <c>opencl</c> for all devices of the kind, <c>all</c>. Absent ones are in the result: the caller says that they are absent.
    /// </summary>
    /// <exception cref="CommandException">A name that stands for nothing (usage), or a device number that does not exist (failure).</exception>
    public static IReadOnlyList<Backend> Select(IEnumerable<string> names) => [.. names.SelectMany(Find).Distinct()];

    /// <summary>Whether the backend is this machine's CPU under a device's name.</summary>
    public static bool IsCpuDevice(Backend backend) => backend is GpuBackend { IsCpuDevice: true };

    /// <summary>A device that is not the CPU: what a crossover is about.</summary>
    public static bool IsAccelerator(Backend backend) => backend is GpuBackend { IsCpuDevice: false };

    /// <summary>ILGPU's emulator: right, and too slow to time.</summary>
    public static bool IsEmulator(Backend backend) => backend is GpuBackend { DeviceKind: DeviceKind.Emulator };

    /// <summary>What can be timed: all but the emulator, which is refused where it is named and left out where all backends are meant.</summary>
    /// <exception cref="CommandException">It is named.</exception>
    public static IEnumerable<Backend> WithoutEmulator(IReadOnlyList<Backend> selected, string[] names)
    {
        bool all = names.Contains("all", StringComparer.OrdinalIgnoreCase);
        return all || selected.FirstOrDefault(IsEmulator) is not { } emulator ? selected.Where(b => !IsEmulator(b))
            : throw CommandException.Usage($"'{emulator.Name}' checks kernels and is never timed; 'exercises' and 'verify' run it.");
    }

    private static IEnumerable<Backend> Find(string name)
    {
        bool Is(string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);
        if (Is("all"))
            return All;
        if (Is("simd"))
            return [Backend.Simd];
        if (All.FirstOrDefault(b => Is(b.Name)) is { } exact)
            return [exact];
        Backend[] kind = [.. All.Where(b => Is(b.Name.Split(':')[0]))];
        if (kind.Length > 0)
            return kind;

        string prefix = name.Split(':')[0];
        Backend[] siblings = [.. All.Where(b => b.Name.StartsWith(prefix + ":", StringComparison.OrdinalIgnoreCase))];
        if (siblings.Length > 0 && name.Contains(':'))
            throw new CommandException(ExitCode.Failure, $"backend '{name}' does not exist here; there is {string.Join(", ", siblings.Select(Describe))}.");
        string suggestion = Suggestion.For(name, All.Select(b => b.Name).Append("simd").Append("all"));
        string known = string.Join(", ", All.Select(b => b.Name));
        throw CommandException.Usage($"unknown backend '{name}'.{suggestion} Known: {known}, simd (the widest here), cuda, opencl, all.");
    }

    private static string Describe(Backend backend) =>
        $"{backend.Name} ({backend.UnavailableReason ?? backend.Description})";
}
