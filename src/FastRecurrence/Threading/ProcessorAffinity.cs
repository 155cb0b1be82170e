using System.Globalization;
using System.Runtime.InteropServices;

namespace FastRecurrence.Threading;

/// <summary>Binds the calling thread to a processor, through the operating system: .NET has no call for it.</summary>
internal static partial class ProcessorAffinity
{
    private const int MaskWords = 16; // 1024 processors

    public static void RequireSupport()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("Threads can be pinned on Linux and Windows only. Make the team without pinning.");
    }

    /// <summary>
    /// The processors that this process may use, ascending; at least one. On Linux affinity belongs to threads: those that some thread of the process
    /// may use, because the asking thread may be bound to one of them.
    /// </summary>
    public static unsafe int[] Allowed()
    {
        ulong* union = stackalloc ulong[MaskWords], one = stackalloc ulong[MaskWords];
        var words = new Span<ulong>(union, MaskWords);
        words.Clear();
        if (OperatingSystem.IsLinux())
        {
            foreach (int thread in Threads())
            {
                new Span<ulong>(one, MaskWords).Clear();
                if (GetAffinity(thread, MaskWords * sizeof(ulong), one) < 0)
                    continue; // it has ended meanwhile
                for (int i = 0; i < MaskWords; i++)
                    words[i] |= one[i];
            }
        }
        else if (OperatingSystem.IsWindows() && GetProcessAffinityMask(GetCurrentProcess(), out nuint process, out _))
        {
            words[0] = process;
        }

        var allowed = new List<int>();
        for (int processor = 0; processor < MaskWords * 64; processor++)
        {
            if ((words[processor / 64] >> (processor % 64) & 1) != 0)
                allowed.Add(processor);
        }

        return allowed.Count != 0 ? [.. allowed] : [.. Enumerable.Range(0, Environment.ProcessorCount)];
    }

    /// <summary>Best effort: a processor that the process may not use leaves the thread where it is.</summary>
    public static unsafe void BindThisThread(int processor)
    {
        if (OperatingSystem.IsLinux())
        {
            ulong* mask = stackalloc ulong[MaskWords];
            new Span<ulong>(mask, MaskWords).Clear();
            mask[processor / 64 % MaskWords] = 1UL << (processor % 64);
            _ = SetAffinity(0, MaskWords * sizeof(ulong), mask);
        }
        else if (OperatingSystem.IsWindows())
        {
            _ = SetThreadAffinityMask(GetCurrentThread(), (nuint)1 << (processor % 64));
        }
    }

    /// <summary>The processor that this thread is on; −1 where the system does not say.</summary>
    public static int Current => OperatingSystem.IsLinux() ? CurrentOnLinux() : -1;

    /// <summary>
    /// Moves this thread off <paramref name="taken"/> processors, if it is on one and another is allowed, without binding it
    /// anywhere. Linux wakes a thread on the processor of the thread that woke it; when both then wait for each other, it
    /// takes the scheduler milliseconds to part them.
    /// </summary>
    /// <returns>The processor that the thread is on afterwards.</returns>
    public static unsafe int Avoid(ReadOnlySpan<int> taken)
    {
        int current = Current;
        if (current < 0 || !taken.Contains(current))
            return current;
        ulong* allowed = stackalloc ulong[MaskWords], one = stackalloc ulong[MaskWords];
        new Span<ulong>(allowed, MaskWords).Clear();
        new Span<ulong>(one, MaskWords).Clear();
        if (GetAffinity(0, MaskWords * sizeof(ulong), allowed) < 0)
            return current;
        for (int processor = 0; processor < MaskWords * 64; processor++)
        {
            ulong bit = 1UL << (processor % 64);
            if ((allowed[processor / 64] & bit) == 0 || taken.Contains(processor))
                continue;
            one[processor / 64] = bit;
            if (SetAffinity(0, MaskWords * sizeof(ulong), one) == 0)
                _ = SetAffinity(0, MaskWords * sizeof(ulong), allowed);
            return Current;
        }

        return current;
    }

    /// <summary>The system's numbers of this process's threads; 0, the asking thread, where it does not list them.</summary>
    private static IEnumerable<int> Threads()
    {
        const string Tasks = "/proc/self/task";
        return Directory.Exists(Tasks)
            ? Directory.EnumerateDirectories(Tasks).Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
            : [0];
    }

    [LibraryImport("libc", EntryPoint = "sched_getcpu")]
    [SuppressGCTransition]
    private static partial int CurrentOnLinux();

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static unsafe partial int GetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static unsafe partial int SetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("kernel32")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetProcessAffinityMask(nint process, out nuint processMask, out nuint systemMask);
}
