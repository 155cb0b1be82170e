using System.Runtime.InteropServices;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>Processor time in seconds: what a thread or a process has computed, whatever else the machine did.</summary>
internal static partial class CpuClock
{
    private const int ProcessClock = 2, ThreadClock = 3; // CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID of Linux

    /// <summary>Of the calling thread; elsewhere than on Linux of the process.</summary>
    public static double OfThread() => OperatingSystem.IsLinux() ? Read(ThreadClock) : OfProcess();

    /// <summary>Of all threads of the process.</summary>
    public static double OfProcess() => OperatingSystem.IsLinux() ? Read(ProcessClock) : Environment.CpuUsage.TotalTime.TotalSeconds;

    private static double Read(int clock) => GetTime(clock, out TimeSpec time) == 0
        ? time.Seconds + time.Nanoseconds * 1e-9
        : throw new InvalidOperationException($"clock_gettime({clock}) failed.");

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
