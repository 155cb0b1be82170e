using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// Threads that the caller makes, hands to <see cref="RecurrentLayer.CreateState(int, WorkerTeam?)"/> and disposes: the only
/// threads of this library. The calling thread is worker 0. Of a small layer each worker takes some rows of the batch; of a
/// large one, or of few rows, a slice of the hidden units, so that its weights stay in its own cache, and then it waits for
/// the others once a step. Results have the same bits with any number of workers.
/// </summary>
/// <remarks>
/// One team serves any number of layers and states, from any thread. It runs one call at a time: a call that finds it busy runs on
/// its own thread alone, as do calls too small to gain. Idle workers spin for some 50 µs, yield for about a millisecond, then sleep;
/// waking them costs about 10 µs. Dispose a team to end its threads at once. The threads of a team that is forgotten end when the
/// garbage collector finds that neither the team nor a state made with it is reachable any more.
/// </remarks>
/// <example><code>
/// using var team = new WorkerTeam(workers: 2);
/// using LayerState state = layer.CreateState(batchSize: 64, team); // calls with this state may use the team
/// </code></example>
public sealed class WorkerTeam : IDisposable
{
    /// <summary>More workers than this are refused: a typing error rather than a machine.</summary>
    public const int MaxWorkers = 256;

    private readonly TeamThreads _threads;

    /// <summary>Starts <paramref name="workers"/> − 1 background threads. Where one cannot be started, those before it are ended again.</summary>
    /// <param name="workers">
    /// Threads that work on a call, the caller's included: 1 to <see cref="MaxWorkers"/>. More than the machine has processors is allowed, and slow.
    /// </param>
    /// <param name="pin">
    /// Whether worker i is bound to processor number i (counted from 0, again from the start where there are fewer processors than workers)
    /// of those that this process may use (Linux and Windows; elsewhere it is refused). The caller's own thread is never touched: bind it to
    /// the first of them yourself. Steadier on a quiet machine, harmful on a shared one.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The number of workers is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">Pinning was requested and cannot be done here.</exception>
    /// <exception cref="OutOfMemoryException">The system lets this process start no more threads.</exception>
    public WorkerTeam(int workers, bool pin = false)
        : this(workers, pin, thread => thread.Start())
    {
    }

    /// <summary>As the public one, with the call that starts a thread.</summary>
    internal WorkerTeam(int workers, bool pin, Action<Thread> start)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, MaxWorkers);
        if (pin)
            ProcessorAffinity.RequireSupport();
        Workers = workers;
        IsPinned = pin;
        _threads = new TeamThreads(workers, pin ? ProcessorAffinity.Allowed() : [], start);
    }

    /// <summary>Ends the threads of a team that nobody disposed. They reference <see cref="TeamThreads"/> alone, so the team itself can be collected.</summary>
    ~WorkerTeam() => _threads?.EndWithoutWaiting(); // null where the constructor threw

    /// <summary>Threads that work on a call, the caller's included.</summary>
    public int Workers { get; }

    /// <summary>Whether the team's threads are bound to processors.</summary>
    public bool IsPinned { get; }

    /// <summary>Whether <see cref="Dispose"/> was called: calls with this team then run on their own thread alone.</summary>
    public bool IsDisposed => _threads.IsEnding;

    /// <summary>
    /// Waits for the one call that may be in progress, then ends the threads. Calls that come later run on their own thread alone: none of them
    /// takes the team any more, so the wait is no longer than that one call. Disposing twice is harmless, also from several threads at the same time:
    /// each returns when the threads have ended.
    /// Interrupting the waiting thread does not end the wait; the interruption is kept for later.
    /// </summary>
    public void Dispose()
    {
        _threads.End();
        GC.SuppressFinalize(this);
    }

    /// <summary>Such as <c>WorkerTeam of 4 workers, pinned</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"WorkerTeam of {Workers} {(Workers == 1 ? "worker" : "workers")}{(IsPinned ? ", pinned" : "")}{(IsDisposed ? ", disposed" : "")}");

    /// <summary>Runs the work on the first <paramref name="workers"/> workers, this thread being the first; false when the team is busy or disposed.</summary>
    internal bool TryRun(ITeamWork work, int workers)
    {
        bool taken = _threads.TryRun(work, workers);
        GC.KeepAlive(this); // the finalizer would end the threads in mid-run
        return taken;
    }

    /// <summary>Waits for the first <paramref name="workers"/> workers of a run; <paramref name="round"/> counts from 1 within it.</summary>
    internal void Wait(int worker, int workers, uint round) => _threads.Wait(worker, workers, round);
}
