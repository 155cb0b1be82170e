using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace FastRecurrence.GpuCheck;

/// <summary>torch's nn.LSTM and nn.RNN in the same visit, where python3 has torch with CUDA: eager and captured in a CUDA graph.</summary>
internal static class Peers
{
    public static void Run(Options options, Stopwatch clock, Dictionary<(int H, int N), double> ours, Report report)
    {
        report.Line("## torch");
        report.Line();
        string script = Path.Combine(Path.GetTempPath(), $"gpu-check-{Environment.ProcessId}.py");
        try
        {
            using (Stream source = Assembly.GetExecutingAssembly().GetManifestResourceStream("peers.py")!)
            using (FileStream target = File.Create(script))
                source.CopyTo(target);
            double seconds = Math.Max(10, options.Minutes * 60 * 0.95 - clock.Elapsed.TotalSeconds);
            string sizes = string.Join(",", Timing.Sizes(options.Quick).Select(s => $"{s.H}x{s.N}"));
            Print(Start(script, sizes, seconds), ours, report);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            report.Line($"Not timed: python3 does not run here ({e.Message}).");
        }
        finally
        {
            File.Delete(script);
        }

        report.Line();
    }

    private static List<string> Start(string script, string sizes, double seconds)
    {
        var start = new ProcessStartInfo("python3") { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (string argument in (string[])[script, sizes, seconds.ToString("0", CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        // The script keeps to its time; should it hang, it is ended a little later.
        using var watchdog = new Timer(_ => process.Kill(), null, TimeSpan.FromSeconds(seconds + 20), Timeout.InfiniteTimeSpan);
        var lines = new List<string>();
        while (process.StandardOutput.ReadLine() is string line)
            lines.Add(line);
        process.WaitForExit();
        return lines;
    }

    private static void Print(List<string> lines, Dictionary<(int H, int N), double> ours, Report report)
    {
        bool table = false;
        foreach (string line in lines)
        {
            string[] parts = line.Split('\t');
            if (parts is not ["time", string module, string kind, string mode, string h, string n, string microseconds])
            {
                report.Line(line);
                continue;
            }

            if (!table)
            {
                report.Line("| module | kind | mode | H | N | µs a step | torch / ours (fp32) |");
                report.Line("|---|---|---|---|---|---|---|");
                table = true;
            }

            double time = double.Parse(microseconds, CultureInfo.InvariantCulture);
            string ratio = module == "LSTM" && ours.TryGetValue((int.Parse(h, CultureInfo.InvariantCulture), int.Parse(n, CultureInfo.InvariantCulture)), out double own) ? $"{time / own:0.00}" : "";
            report.Line($"| {module} | {kind} | {mode} | {h} | {n} | {time:0.00} | {ratio} |");
        }
    }
}
