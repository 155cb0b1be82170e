using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace FastRecurrence.Threading;

/// <summary>
/// The threads of a <see cref="WorkerTeam"/> and all that they share. A waiting thread keeps this object alive, but nothing in it references the
/// team: a team that was forgotten can be collected, and its finalizer ends the threads.
/// </summary>
internal sealed class TeamThreads
{
    private const int Busy = 1, Ending = 2;

    private readonly Thread?[] _threads;
    private readonly SemaphoreSlim[] _wakeUps;
    private readonly int[] _asleep, _processors;
    private readonly TeamBarrier _barrier;
    private ITeamWork? _work;
    private ExceptionDispatchInfo? _failure;
    private long _run; // (number, workers taking part): one word, so that a late riser never mistakes one run for another
    private int _state; // Busy while a call runs; Ending for good once the end was requested, whether a call runs or not

    /// <summary>Starts one thread fewer than <paramref name="workers"/>.</summary>
    /// <param name="workers">Workers, the caller of a run included.</param>
    /// <param name="processors">Where to bind them; empty to leave them free.</param>
    /// <param name="start">Starts a thread.</param>
    public TeamThreads(int workers, int[] processors, Action<Thread> start)
    {
        _processors = processors;
        _barrier = new TeamBarrier(workers, mayMove: processors.Length == 0);
        _threads = new Thread?[workers - 1];
        _wakeUps = new SemaphoreSlim[workers - 1];
        _asleep = new int[workers - 1];
        for (int i = 0; i < _wakeUps.Length; i++)
            _wakeUps[i] = new SemaphoreSlim(0);
        try
        {
            for (int i = 0; i < _threads.Length; i++)
            {
                int worker = i + 1;
                var thread = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"FastRecurrence worker {worker}" };
                start(thread);
                _threads[i] = thread; // only now: a thread that did not start cannot be joined
            }
        }
        catch
        {
            End();
            throw;
        }
    }

    private int Workers => _threads.Length + 1;

    /// <summary>Whether the end was requested: no run begins any more.</summary>
    public bool IsEnding => (Volatile.Read(ref _state) & Ending) != 0;

    /// <summary>Waits for the run in progress, ends the threads and waits for them. Any number of threads may ask, at any time.</summary>
    public void End()
    {
        bool interrupted = false;
        if ((Interlocked.Or(ref _state, Ending) & Ending) == 0)
        {
            var wait = new SpinThenYield();
            while ((Volatile.Read(ref _state) & Busy) != 0)
            {
                if (!wait.Once())
                    interrupted |= !Uninterrupted<object>(static _ => Thread.Sleep(1), null);
            }

            Begin(null, Workers);
        }

        foreach (Thread? thread in _threads)
        {
            if (thread is not null)
                interrupted |= !Uninterrupted(static t => t!.Join(), thread);
        }

        if (interrupted)
            Thread.CurrentThread.Interrupt(); // whoever requested it gets it at its next wait
    }

    /// <summary>Tells the threads to end; for the finalizer, which runs only when no call can be in progress.</summary>
    public void EndWithoutWaiting()
    {
        if ((Interlocked.Or(ref _state, Ending) & Ending) == 0)
            Begin(null, Workers);
    }

    /// <summary>As <see cref="WorkerTeam.TryRun"/>.</summary>
    public bool TryRun(ITeamWork work, int workers)
    {
        if (Interlocked.CompareExchange(ref _state, Busy, 0) != 0)
            return false;
        try
        {
            Begin(work, workers);
            Execute(work, 0);
            _barrier.AwaitDone(workers, Number(_run));
            _failure?.Throw();
            return true;
        }
        finally
        {
            _work = null;
            _failure = null;
            Interlocked.And(ref _state, ~Busy);
        }
    }

    /// <summary>As <see cref="WorkerTeam.Wait"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Wait(int worker, int workers, uint round) => _barrier.Wait(worker, workers, Number(_run), round);

    private static int Number(long run) => (int)(run >> 16);

    private static int TakingPart(long run) => (int)(run & 0xFFFF);

    /// <summary>Begins a run of the first workers; without work it is the last.</summary>
    private void Begin(ITeamWork? work, int workers)
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
            // A semaphore takes a lock, and a lock can be interrupted: but a run that has begun must wake all its workers.
            if (!Uninterrupted(static wakeUp => wakeUp!.Release(), _wakeUps[i]))
                Thread.CurrentThread.Interrupt();
            woken++;
        }

        // A worker woken on this very processor must run once to leave it.
        for (; woken > 0; woken--)
            Thread.Yield();
    }

    private void Serve(int worker)
    {
        if (_processors.Length != 0)
            ProcessorAffinity.BindThisThread(_processors[worker % _processors.Length]);
        long run = 0;
        do
        {
            bool slept = AwaitChange(worker, run);
            run = Volatile.Read(ref _run);
            if (slept && worker < TakingPart(run))
                _barrier.Settle(worker);
        }
        while (worker >= TakingPart(run) || TakePart(worker));
    }

    /// <summary>
    /// Does a worker's part of a run; false when there is none any more. Not inlined: a waiting thread's frame must not keep the last work alive.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TakePart(int worker)
    {
        if (_work is not { } work)
            return false;
        Execute(work, worker);
        return true;
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
            _barrier.Done(worker, Number(_run)); // passes every barrier of this run, so that nobody waits for a failed worker
        }
    }

    /// <summary>Waits for another run than <paramref name="seen"/>; true when the worker slept meanwhile.</summary>
    private bool AwaitChange(int worker, long seen)
    {
        bool slept = false;
        var wait = new SpinThenYield();
        while (Volatile.Read(ref _run) == seen)
        {
            bool patient = wait.Once();
            if (wait.HasJustBegunToYield)
                _barrier.Settle(worker);
            if (patient)
                continue;
            Volatile.Write(ref _asleep[worker - 1], 1);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _run) == seen || Interlocked.Exchange(ref _asleep[worker - 1], 0) == 0)
                _wakeUps[worker - 1].Wait();
            slept = true;
            wait = new SpinThenYield();
        }

        return slept;
    }

    /// <summary>Does something that waits until it is done, however often the thread is interrupted; false when it was.</summary>
    private static bool Uninterrupted<T>(Action<T?> wait, T? argument)
        where T : class
    {
        for (bool interrupted = false; ; interrupted = true)
        {
            try
            {
                wait(argument);
                return !interrupted;
            }
            catch (ThreadInterruptedException)
            {
            }
        }
    }
}
