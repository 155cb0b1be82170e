using System.Diagnostics;
using System.Runtime.InteropServices;
using FastRecurrence.TestKit;

namespace FastRecurrence.Tests.Gpu;

/// <summary>
/// A CUDA driver that computes nothing and reports an H100, for tests of all that happens on the host. ILGPU loads a driver once a process, so such tests
/// are explicit and run in a child process that finds <c>libcuda.c</c>, compiled by the machine's C compiler, where a driver would be.
/// </summary>
internal static partial class StubDriver
{
    private const string Library = "libcuda.so.1";

    private static readonly Lazy<(string? Folder, string Reason)> s_built = new(Build);

    /// <summary>Runs the explicit tests of a class in a child process with the stub; fails with what they say.</summary>
    public static void RunExplicit(Type tests, params (string Name, string Value)[] environment)
    {
        if (s_built.Value.Folder is not string folder)
        {
            Assert.Skip(s_built.Value.Reason);
            return;
        }

        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, Path.GetFileNameWithoutExtension(tests.Assembly.Location)))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["-class", tests.FullName!, "-explicit", "only", "-noLogo", "-noColor"])
            start.ArgumentList.Add(argument);
        start.Environment["LD_LIBRARY_PATH"] = folder;
        start.Environment[OneTestProcess.ChildVariable] = "1";
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        using var watchdog = new Timer(_ => process.Kill(), null, TimeSpan.FromMinutes(5), Timeout.InfiniteTimeSpan);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0 && said.Contains("Failed: 0", StringComparison.Ordinal) && !said.Contains("Total: 0,", StringComparison.Ordinal), said);
    }

    /// <summary>Forgets what was counted.</summary>
    [LibraryImport(Library, EntryPoint = "stub_reset")]
    public static partial void Reset();

    /// <summary>Calls that reach a device: allocations, copies, fills, launches, waits.</summary>
    [LibraryImport(Library, EntryPoint = "stub_calls")]
    public static partial long Calls();

    /// <summary>Kernels launched.</summary>
    [LibraryImport(Library, EntryPoint = "stub_launches")]
    public static partial long Launches();

    /// <summary>Copies in any direction.</summary>
    [LibraryImport(Library, EntryPoint = "stub_copies")]
    public static partial long Copies();

    private static (string? Folder, string Reason) Build()
    {
        if (!OperatingSystem.IsLinux())
            return (null, "the stub of the CUDA driver is built on Linux only");
        string folder = Directory.CreateTempSubdirectory("stub-cuda-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string source = Path.Combine(AppContext.BaseDirectory, "Gpu", "StubDriver", "libcuda.c");
        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O1", "-w", "-o", Path.Combine(folder, Library), source]) { RedirectStandardError = true })!;
            string said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? (folder, "") : throw new InvalidOperationException(said);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, "no C compiler (cc) to build the stub of the CUDA driver");
        }
    }
}
