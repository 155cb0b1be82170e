using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using FastRecurrence.Cpu;

namespace FastRecurrence.Measuring;

/// <summary>Where and by what a result was computed: part of every JSON document and of every saved table.</summary>
internal sealed record Machine(
    string Processor, int LogicalProcessors, string OperatingSystem, string Architecture, string Runtime, bool TieredCompilation,
    string? Governor, int VectorBits, int WidestAcceleratedBits, string Simd, string? SimdForced, IReadOnlyDictionary<string, string> Versions,
    IReadOnlyList<CacheLevel> Caches, string? Frequency, string? Load, string? Commit, IReadOnlyDictionary<string, string> Variables)
{
    /// <summary>Family, model and stepping, which tell processors apart whose names a cloud hides; null where the processor does not tell, and in runs of older builds.</summary>
    public string? Signature { get; init; }

    /// <summary>The instruction sets that this process uses, such as <c>avx2 fma avx512f</c>; null in runs of older builds.</summary>
    public string? InstructionSets { get; init; }

    /// <summary>Runtime settings that change speed; others, such as paths, are nobody's business.</summary>
    private static readonly string[] s_variables = ["Tiered", "TC_", "ReadyToRun", "Enable", "MaxVectorT", "PreferredVector", "gcServer", "gcConcurrent", "GC"];

    public static Machine Here { get; } = Find();

    /// <summary>The last level's size in bytes; 0 where the system does not tell.</summary>
    public long LastLevelBytes() => Caches.Count == 0 ? 0 : Caches.Max(c => c.Bytes);

    /// <summary>The facts that two runs must share to be compared, as name and value.</summary>
    public IEnumerable<(string Name, string Value)> Identity() =>
    [
        .. Hardware(), ("system", OperatingSystem), ("runtime", Runtime), ("tiered compilation", TieredCompilation ? "on" : "off"),
        ("simd", Simd), ("variables", string.Join(' ', Variables.Select(v => $"{v.Key}={v.Value}"))),
    ];

    /// <summary>What makes it another machine, and not the same one in another state.</summary>
    public IEnumerable<(string Name, string Value)> Hardware() =>
    [
        ("processor", $"{Processor}, {LogicalProcessors} logical"), ("family, model, stepping", Signature ?? ""), ("instruction sets", InstructionSets ?? ""),
        ("caches", string.Join(", ", Caches)),
    ];

    /// <summary>One line for the head of a table.</summary>
    public string Summary =>
        $"{Processor}{(Signature is null ? "" : $" ({Signature})")}, {LogicalProcessors} logical · {OperatingSystem} · {Runtime}, tiered compilation {(TieredCompilation ? "on" : "off")} · " +
        $"simd = {Simd}{(SimdForced is null ? "" : $" (forced by {IsaDispatch.Variable}={SimdForced})")}";

    private static Machine Find()
    {
        string? forced = Environment.GetEnvironmentVariable(IsaDispatch.Variable);
        return new Machine(
            ProcessorName(), Environment.ProcessorCount, RuntimeInformation.OSDescription, RuntimeInformation.ProcessArchitecture.ToString(),
            RuntimeInformation.FrameworkDescription, IsTiered(), FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            Vector<float>.Count * 32, WidestAccelerated(), Backend.Simd.Name, string.IsNullOrEmpty(forced) ? null : forced,
            FindVersions(),
            FindCaches(), FindFrequency(), FirstLine("/proc/loadavg"), FindCommit(),
            new SortedDictionary<string, string>(
                Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                    .Select(e => KeyValuePair.Create((string)e.Key, (string?)e.Value ?? ""))
                    .Where(e => s_variables.Any(v => e.Key.StartsWith("DOTNET_" + v, StringComparison.Ordinal)) || e.Key == IsaDispatch.Variable)
                    .ToDictionary(), StringComparer.Ordinal))
        {
            Signature = FindSignature(),
            InstructionSets = FindInstructionSets(),
        };
    }

    /// <summary>By CPUID on x86 and x64; by what Linux tells of an ARM core elsewhere.</summary>
    private static string? FindSignature()
    {
        if (X86Base.IsSupported)
        {
            (int version, _, _, _) = X86Base.CpuId(1, 0);
            int family = (version >> 8) & 15, model = (version >> 4) & 15;
            if (family is 6 or 15)
                model += (version >> 12) & 0xF0;
            if (family == 15)
                family += (version >> 20) & 0xFF;
            return string.Create(CultureInfo.InvariantCulture, $"family {family} model {model} stepping {version & 15}");
        }

        string[] parts = [.. ((string[])["CPU implementer", "CPU part", "CPU revision"]).Select(InCpuInfo).OfType<string>()];
        return parts.Length == 0 ? null : string.Join(' ', parts);
    }

    private static string FindInstructionSets() => string.Join(' ', new (string Name, bool Is)[]
    {
        ("sse4.2", Sse42.IsSupported), ("avx", Avx.IsSupported), ("avx2", Avx2.IsSupported), ("fma", Fma.IsSupported), ("avx512f", Avx512F.IsSupported), ("avx512bw", Avx512BW.IsSupported),
        ("avx512vbmi", Avx512Vbmi.IsSupported), ("avx10", Avx10v1.IsSupported), ("asimd", AdvSimd.IsSupported),
    }.Where(s => s.Is).Select(s => s.Name));

    private static string? InCpuInfo(string key)
    {
        string? line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    /// <summary>Linux lists a processor's caches; elsewhere there is no such list without privileges.</summary>
    private static List<CacheLevel> FindCaches()
    {
        var caches = new List<CacheLevel>();
        for (int i = 0; FirstLine($"/sys/devices/system/cpu/cpu0/cache/index{i}/size") is { } size; i++)
        {
            string folder = $"/sys/devices/system/cpu/cpu0/cache/index{i}";
            string? type = FirstLine($"{folder}/type");
            if (type is "Data" or "Unified" && size.EndsWith('K') && long.TryParse(size[..^1], out long kilobytes))
                caches.Add(new CacheLevel($"L{FirstLine($"{folder}/level")}", kilobytes << 10, FirstLine($"{folder}/shared_cpu_list") ?? ""));
        }

        return caches;
    }

    /// <summary>What the system says of the clock: a hint, since a virtual machine shows a constant.</summary>
    private static string? FindFrequency() => InCpuInfo("cpu MHz") is { } clock ? $"{clock} MHz as the system shows it" : null;

    /// <summary>The build puts the commit behind a plus sign.</summary>
    private static string? FindCommit()
    {
        string version = Version(typeof(Machine).Assembly);
        int plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? null : version[(plus + 1)..];
    }

    private static int WidestAccelerated() =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>The runtime's default is on; this tool's project turns it off, and an environment variable overrules both.</summary>
    private static bool IsTiered() =>
        Environment.GetEnvironmentVariable("DOTNET_TieredCompilation") is { } variable
            ? variable != "0"
            : !AppContext.TryGetSwitch("System.Runtime.TieredCompilation", out bool tiered) || tiered;

    private static string ProcessorName() =>
        InCpuInfo("model name") ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"unnamed {RuntimeInformation.ProcessArchitecture} processor";

    private static string? FirstLine(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadLines(path).FirstOrDefault() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Of the libraries named here those that this program has.</summary>
    private static SortedDictionary<string, string> FindVersions()
    {
        var versions = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string library in (string[])["FastRecurrence", "FastRecurrence.Gpu", "ILGPU", "System.CommandLine"])
        {
            try
            {
                versions[library] = Version(Assembly.Load(library));
            }
            catch (IOException)
            {
                // The program does without it.
            }
        }

        return versions;
    }

    private static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? assembly.GetName().Version?.ToString() ?? "unknown";
}

/// <summary>A cache of the first processor: L1 (data), L2, L3; its bytes; the processors that share it.</summary>
internal sealed record CacheLevel(string Name, long Bytes, string SharedBy)
{
    public override string ToString() => Bytes >= 1 << 20 ? $"{Name} {Bytes >> 20} MB" : $"{Name} {Bytes >> 10} KB";
}
