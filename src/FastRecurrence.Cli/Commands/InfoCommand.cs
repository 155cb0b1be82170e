using System.CommandLine;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>info</c>: the machine, the measured peak, every backend with its availability or the reason.</summary>
internal static class InfoCommand
{
    private sealed record BackendEntry(string Name, bool Available, string Description, string? Reason, bool CpuDevice);

    private sealed record Document(Machine Machine, double PeakGflopsPerThread, IReadOnlyList<BackendEntry> Backends);

    public static Command Create(Session session)
    {
        Option<OutputFormat> output = CommonOptions.Output();
        var command = new Command("info", "Show the processor, its vector widths, every backend or why it is absent, and versions.") { output };
        command.SetAction(parsed =>
        {
            session.Progress("measuring the FMA peak");
            Write(session, parsed.Get(output), FmaPeak.MeasureGflops());
            return ExitCode.Ok;
        });
        return command;
    }

    private static string Describe(Backend backend) => backend.Description + (BackendList.IsCpuDevice(backend) ? "; a CPU device" : "");

    private static void Write(Session session, OutputFormat format, double peak)
    {
        session.ClearProgress();
        Machine machine = Machine.Here;
        if (format == OutputFormat.Json)
        {
            session.WriteJson(new Document(machine, peak,
                [.. BackendList.All.Select(b => new BackendEntry(b.Name, b.IsAvailable, b.Description, b.UnavailableReason, BackendList.IsCpuDevice(b)))]));
            return;
        }

        string governor = machine.Governor is null ? "" : $", governor {machine.Governor}";
        string widest = machine.WidestAcceleratedBits == 0 ? "none" : $"{machine.WidestAcceleratedBits} bits";
        string forced = machine.SimdForced is null
            ? ", the widest here; force another with FASTRECURRENCE_SIMD" : $", forced by FASTRECURRENCE_SIMD={machine.SimdForced}";
        session.WriteLine($"processor  {machine.Processor}, {machine.LogicalProcessors} logical, {machine.Architecture}{governor}");
        session.WriteLine($"system     {machine.OperatingSystem}");
        session.WriteLine($"runtime    {machine.Runtime}, tiered compilation {(machine.TieredCompilation ? "on" : "off")}");
        session.WriteLine($"vectors    Vector<float> {machine.VectorBits} bits, widest accelerated {widest}");
        session.WriteLine($"caches     {(machine.Caches.Count == 0 ? "unknown" : string.Join(", ", machine.Caches))}");
        session.WriteLine($"state      {machine.Frequency ?? "clock unknown"}, load {machine.Load ?? "unknown"}");
        session.WriteLine($"peak       {Digits.Places(peak, 1)} GFLOP/s per thread (FMA, best of 12)");
        session.WriteLine($"versions   {string.Join(", ", machine.Versions.Select(v => $"{v.Key} {v.Value}"))}");
        session.WriteLine($"simd       {machine.Simd}{forced}");
        session.WriteLine();
        session.WriteLines(TextTable.Render(
            [new("backend", Left: true), new("state", Left: true), new("what it is, or why it is absent", Left: true)],
            [.. BackendList.All.Select(b => (string[])[b.Name, b.IsAvailable ? "ready" : "absent", b.UnavailableReason ?? Describe(b)])]));
    }
}
