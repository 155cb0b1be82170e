using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>Starts launches: this tool again, or another build of it, in a fresh process.</summary>
/// <param name="tool">The tool's assembly (<c>.dll</c>) or executable.</param>
internal sealed class LaunchProcess(string tool)
{
    /// <summary>The word of the hidden command that runs a launch.</summary>
    public const string Command = "launch";

    /// <summary>This very build. The assembly and not the process's own path: that may be a host or a test runner.</summary>
    public static LaunchProcess Self { get; } = new(typeof(LaunchProcess).Assembly.Location is { Length: > 0 } assembly ? assembly : Environment.ProcessPath!);

    /// <summary>Runs a plan and hands over what the process says, line by line.</summary>
    /// <exception cref="CommandException">The process could not be started, or ended badly.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the process was ended.</exception>
    public void Run(LaunchPlan plan, Action<LaunchMessage> hear, CancellationToken cancellation)
    {
        using Process process = Start(plan.Settings.Priority);
        using CancellationTokenRegistration registration = cancellation.Register(() => End(process));
        var complaints = new StringBuilder();
        process.ErrorDataReceived += (_, e) => complaints.Append(e.Data).Append(' ');
        process.BeginErrorReadLine();
        try
        {
            process.StandardInput.Write(JsonOutput.Serialize(plan));
            process.StandardInput.Close();
            while (process.StandardOutput.ReadLine() is { } line)
                hear(JsonOutput.Deserialize<LaunchMessage>(line));
            process.WaitForExit();
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            End(process);
            throw new CommandException(ExitCode.Failure, $"launch {plan.Launch} of {tool} cannot be understood: {e.Message} {complaints}".TrimEnd(), e);
        }

        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
            throw new CommandException(ExitCode.Failure, $"launch {plan.Launch} of {tool} ended with {process.ExitCode}: {complaints}".TrimEnd(' ', ':'));
    }

    private Process Start(string priority)
    {
        bool managed = tool.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(managed ? Host() : tool)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (managed)
        {
            start.ArgumentList.Add("exec");
            start.ArgumentList.Add(tool);
        }

        start.ArgumentList.Add(Command);
        try
        {
            Process process = Process.Start(start)!;
            if (priority != "normal")
                SetPriority(process, priority);
            return process;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot start a launch of {tool}: {e.Message}", e);
        }
    }

    private static void SetPriority(Process process, string priority)
    {
        try
        {
            process.PriorityClass = Enum.Parse<ProcessPriorityClass>(priority, ignoreCase: true);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            End(process);
            throw new CommandException(ExitCode.Failure, $"--priority {priority}: the system refuses it: {e.Message}", e);
        }
    }

    /// <summary>The host of this runtime, else the one on the search path.</summary>
    private static string Host()
    {
        string name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        string beside = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(beside) ? beside : name;
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself.
        }
    }
}
