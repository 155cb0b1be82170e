using System.Runtime.ExceptionServices;
using FastRecurrence.Simd;

namespace FastRecurrence;

/// <summary>
/// Threads that the caller makes, hands to <see cref="RecurrentLayer.CreateState(int, WorkerTeam?)"/> and disposes: the only
/// threads of this library. The calling thread is worker 0. Of a small layer each worker takes some rows of the batch; of a
/// large one, or of few rows, a slice of the hidden units, so that its weights stay in its own cache, and then it meets the
/// others once a step. Results have the same bits with any number of workers.
/// </summary>
/// <remarks>
/// One team serves any number of layers and states. It runs one call at a time: a call that finds it busy runs on its own
/// thread alone, as do calls too small to gain. Idle workers spin for some 50 µs, yield for about a millisecond, then sleep;
/// waking them costs about 10 µs.
/// </remarks>
public sealed class WorkerTeam : IDisposable
{
    /// <summary>More workers than this are refused: a typing error rather than a machine.</summary>
    public const int MaxWorkers = 256;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wakeUps;
    private readonly int[] _asleep;
    private readonly TeamBarrier _barrier;
    private ITeamWork? _work;
    private ExceptionDispatchInfo? _failure;
    private long _run; // (number, workers taking part): one word, so that a late riser never mistakes one run for another
    private int _busy;
    private bool _disposed;

    /// <summary>Starts <paramref name="workers"/> − 1 background threads.</summary>
    /// <param name="workers">Threads that work on a call, the caller's included: 1 to <see cref="MaxWorkers"/>. More than the machine has processors is allowed, and slow.</param>
    /// <param name="pin">
    /// Whether worker i is bound to processor i (Linux and Windows; elsewhere it is refused). The caller's own thread is never touched: bind it to
    /// processor 0 yourself. Steadier on a quiet machine, harmful on a shared one.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The number of workers is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">Pinning was asked for and cannot be done here.</exception>
    public WorkerTeam(int workers, bool pin = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, MaxWorkers);
        if (pin)
            ProcessorAffinity.RequireSupport();
        Workers = workers;
        IsPinned = pin;
        _barrier = new TeamBarrier(workers, mayMove: !pin);
        _threads = new Thread[workers - 1];
        _wakeUps = new SemaphoreSlim[workers - 1];
        _asleep = new int[workers - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _wakeUps[i] = new SemaphoreSlim(0);
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"FastRecurrence worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads that work on a call, the caller's included.</summary>
    public int Workers { get; }

    /// <summary>Whether the team's threads are bound to processors.</summary>
    public bool IsPinned { get; }

    /// <summary>Waits for a call in progress, then ends the threads. Later calls with this team run on their own thread alone. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
            wait.SpinOnce();
        _disposed = true; // and busy for good: no later call finds the team free
        Start(null, Workers);
        foreach (Thread thread in _threads)
            thread.Join();
        foreach (SemaphoreSlim wakeUp in _wakeUps)
            wakeUp.Dispose();
    }

    /// <summary>Runs the work on the first <paramref name="workers"/> workers, this thread being the first; false when the team is busy or disposed.</summary>
    internal bool TryRun(ITeamWork work, int workers)
    {
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
            return false;
        try
        {
            Start(work, workers);
            Execute(work, 0);
            _barrier.AwaitDone(workers, Number(_run));
            _failure?.Throw();
            return true;
        }
        finally
        {
            _work = null;
            _failure = null;
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Meets the first <paramref name="workers"/> workers; <paramref name="round"/> counts from 1 within a run.</summary>
    internal void Meet(int worker, int workers, uint round) => _barrier.Meet(worker, workers, Number(_run), round);

    private static int Number(long run) => (int)(run >> 16);

    private static int TakingPart(long run) => (int)(run & 0xFFFF);

    private void Start(ITeamWork? work, int workers)
    {
        long number = (_run >> 16) + 1;
        _work = work;
        _barrier.Settle(0);
        _barrier.Prepare((int)number);
        Volatile.Write(ref _run, (number << 16) | (long)workers);
        Interlocked.MemoryBarrier(); // either a worker sees the new run before it sleeps, or its sleep is seen here
        int woken = 0;
        for (int i = 0; i < workers - 1; i++)
        {
            if (Volatile.Read(ref _asleep[i]) == 0 || Interlocked.Exchange(ref _asleep[i], 0) == 0)
                continue;
            _wakeUps[i].Release();
            woken++;
        }

        // A worker woken on this very processor must run once to leave it.
        for (; woken > 0; woken--)
            Thread.Yield();
    }

    private void Serve(int worker)
    {
        if (IsPinned)
            ProcessorAffinity.BindThisThread(worker % Environment.ProcessorCount);
        long run = 0;
        while (true)
        {
            bool slept = AwaitChange(worker, run);
            run = Volatile.Read(ref _run);
            if (worker >= TakingPart(run))
                continue;
            if (slept)
                _barrier.Settle(worker);
            if (_work is not { } work)
                return;
            Execute(work, worker);
        }
    }

    private void Execute(ITeamWork work, int worker)
    {
        try
        {
            work.Execute(worker);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
        finally
        {
            _barrier.Done(worker, Number(_run)); // passes every meeting of this run, so that nobody waits for a failed worker
        }
    }

    /// <summary>Waits for another run than <paramref name="seen"/>; true when the worker slept meanwhile.</summary>
    private bool AwaitChange(int worker, long seen)
    {
        bool slept = false;
        var patience = new Patience();
        while (Volatile.Read(ref _run) == seen)
        {
            bool patient = patience.Wait();
            if (patience.HasJustBegunToYield)
                _barrier.Settle(worker);
            if (patient)
                continue;
            Volatile.Write(ref _asleep[worker - 1], 1);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _run) == seen || Interlocked.Exchange(ref _asleep[worker - 1], 0) == 0)
                _wakeUps[worker - 1].Wait();
            slept = true;
            patience = new Patience();
        }

        return slept;
    }
}
