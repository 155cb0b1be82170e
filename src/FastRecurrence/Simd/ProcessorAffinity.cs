using System.Runtime.InteropServices;

namespace FastRecurrence.Simd;

/// <summary>Binds the calling thread to a processor, through the operating system: .NET has no call for it.</summary>
internal static partial class ProcessorAffinity
{
    public static void RequireSupport()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("Threads can be pinned on Linux and Windows only. Make the team without pinning.");
    }

    /// <summary>Best effort: a processor that the process may not use leaves the thread where it is.</summary>
    public static unsafe void BindThisThread(int processor)
    {
        if (OperatingSystem.IsLinux())
        {
            ulong* mask = stackalloc ulong[16];
            new Span<ulong>(mask, 16).Clear();
            mask[processor / 64 % 16] = 1UL << (processor % 64);
            _ = SetAffinity(0, 16 * sizeof(ulong), mask);
        }
        else if (OperatingSystem.IsWindows())
        {
            _ = SetThreadAffinityMask(GetCurrentThread(), (nuint)1 << (processor % 64));
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static unsafe partial int SetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("kernel32")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();
}
