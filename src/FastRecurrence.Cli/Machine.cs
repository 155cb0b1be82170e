using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastRecurrence.Simd;

namespace FastRecurrence.Cli;

/// <summary>Where and by what a result was computed: part of every JSON document and of every saved table.</summary>
internal sealed record Machine(
    string Processor, int LogicalProcessors, string OperatingSystem, string Architecture, string Runtime, bool TieredCompilation,
    string? Governor, int VectorBits, int WidestAcceleratedBits, string Simd, string? SimdForced, IReadOnlyDictionary<string, string> Versions)
{
    public static Machine Here { get; } = Find();

    /// <summary>One line for the head of a table.</summary>
    public string Summary =>
        $"{Processor}, {LogicalProcessors} logical · {OperatingSystem} · {Runtime}, tiered compilation {(TieredCompilation ? "on" : "off")} · " +
        $"simd = {Simd}{(SimdForced is null ? "" : $" (forced by {SimdLadder.Variable}={SimdForced})")}";

    private static Machine Find()
    {
        string? forced = Environment.GetEnvironmentVariable(SimdLadder.Variable);
        return new Machine(
            ProcessorName(), Environment.ProcessorCount, RuntimeInformation.OSDescription, RuntimeInformation.ProcessArchitecture.ToString(),
            RuntimeInformation.FrameworkDescription, IsTiered(), FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            Vector<float>.Count * 32, WidestAccelerated(), Backend.Simd.Name, string.IsNullOrEmpty(forced) ? null : forced,
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["FastRecurrence"] = Version(typeof(Backend)),
                ["FastRecurrence.Gpu"] = Version(typeof(Gpu.GpuBackends)),
                ["ILGPU"] = Version(typeof(ILGPU.Context)),
                ["System.CommandLine"] = Version(typeof(System.CommandLine.RootCommand)),
            });
    }

    private static int WidestAccelerated() =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>The runtime's default is on; this tool's project turns it off, and an environment variable overrules both.</summary>
    private static bool IsTiered() =>
        Environment.GetEnvironmentVariable("DOTNET_TieredCompilation") is { } variable
            ? variable != "0"
            : !AppContext.TryGetSwitch("System.Runtime.TieredCompilation", out bool tiered) || tiered;

    private static string ProcessorName()
    {
        if (File.Exists("/proc/cpuinfo"))
        {
            string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
            if (line is not null)
                return line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }

        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"unnamed {RuntimeInformation.ProcessArchitecture} processor";
    }

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

    private static string Version(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? type.Assembly.GetName().Version?.ToString() ?? "unknown";
}
