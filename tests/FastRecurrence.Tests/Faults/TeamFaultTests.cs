using System.Diagnostics;
using System.Runtime.CompilerServices;
using FastRecurrence.Threading;

namespace FastRecurrence.Tests.Faults;

/// <summary>Teams that are disposed by many, interrupted, forgotten, cannot start, or live in part of a machine.</summary>
[Collection("teams")]
public sealed class TeamFaultTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>A run that lasts until it is released.</summary>
    private sealed class Held : ITeamWork, IDisposable
    {
        public ManualResetEventSlim Begun { get; } = new();

        public ManualResetEventSlim Release { get; } = new();

        public void Execute(int worker)
        {
            Begun.Set();
            Release.Wait();
        }

        public void Dispose()
        {
            Begun.Dispose();
            Release.Dispose();
        }
    }

    private sealed class Nothing : ITeamWork
    {
        public void Execute(int worker)
        {
        }
    }

    private static Thread Started(Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>A team and its threads.</summary>
    private static (WorkerTeam Team, List<Thread> Threads) Watched(int workers)
    {
        var threads = new List<Thread>();
        return (new WorkerTeam(workers, pin: false, thread =>
        {
            thread.Start();
            threads.Add(thread);
        }), threads);
    }

    [Fact]
    public void Several_threads_may_dispose_a_team_that_runs()
    {
        (WorkerTeam team, List<Thread> threads) = Watched(3);
        using var held = new Held();
        Thread caller = Started(() => Assert.True(team.TryRun(held, 3)));
        held.Begun.Wait(TestContext.Current.CancellationToken);
        Thread[] disposers = [.. Enumerable.Range(0, 4).Select(_ => Started(team.Dispose))];
        Assert.True(SpinWait.SpinUntil(() => team.IsDisposed, Patience));
        Assert.All(disposers, d => Assert.False(d.Join(20), "it did not wait for the call in progress"));
        held.Release.Set();
        Assert.All(disposers, d => Assert.True(d.Join(Patience), "a Dispose hangs"));
        Assert.True(caller.Join(Patience));
        Assert.All(threads, t => Assert.False(t.IsAlive));
    }

    [Fact]
    public void No_call_takes_a_team_once_its_end_was_asked_for()
    {
        using var held = new Held();
        var team = new WorkerTeam(3);
        Thread caller = Started(() => team.TryRun(held, 3));
        held.Begun.Wait(TestContext.Current.CancellationToken);
        Thread disposer = Started(team.Dispose);
        Assert.True(SpinWait.SpinUntil(() => team.IsDisposed, Patience));
        bool stop = false;
        int taken = 0;
        Thread[] hammers = [.. Enumerable.Range(0, 4).Select(_ => Started(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                if (team.TryRun(new Nothing(), 3))
                    Interlocked.Increment(ref taken);
            }
        }))];
        held.Release.Set();
        Assert.True(disposer.Join(Patience));
        Volatile.Write(ref stop, true);
        Assert.All(hammers, h => Assert.True(h.Join(Patience)));
        Assert.Equal(0, taken);
        Assert.True(caller.Join(Patience));
    }

    [Fact]
    public void A_thread_that_cannot_be_started_leaves_none_of_the_others()
    {
        var started = new List<Thread>();
        Assert.Throws<InsufficientMemoryException>(() => new WorkerTeam(6, pin: false, thread =>
        {
            if (started.Count == 3)
                throw new InsufficientMemoryException("no more threads");
            thread.Start();
            started.Add(thread);
        }));
        Assert.Equal(3, started.Count);
        Assert.All(started, t => Assert.False(t.IsAlive));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interrupted_Dispose_ends_the_threads_and_keeps_the_interruption(bool whileACallRuns)
    {
        (WorkerTeam team, List<Thread> threads) = Watched(4);
        using var held = new Held();
        Thread? caller = whileACallRuns ? Started(() => team.TryRun(held, 4)) : null;
        if (whileACallRuns)
            held.Begun.Wait(TestContext.Current.CancellationToken);
        Exception? failure = null;
        bool kept = false;
        Thread disposer = Started(() =>
        {
            Thread.CurrentThread.Interrupt();
            failure = Record.Exception(team.Dispose);
            try
            {
                Thread.Sleep(1);
            }
            catch (ThreadInterruptedException)
            {
                kept = true;
            }
        });
        Assert.True(SpinWait.SpinUntil(() => team.IsDisposed, Patience));
        Thread.Sleep(30);
        disposer.Interrupt();
        held.Release.Set();
        Assert.True(disposer.Join(Patience));
        Assert.Null(failure);
        Assert.True(kept);
        Assert.All(threads, t => Assert.False(t.IsAlive));
        caller?.Join();
    }

    [Fact]
    public void The_threads_of_forgotten_teams_end()
    {
        var threads = new List<Thread>();
        Forget(threads);
        Assert.Equal(40, threads.Count);
        bool Ended()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return threads.TrueForAll(t => !t.IsAlive);
        }

        Assert.True(SpinWait.SpinUntil(Ended, Patience), $"{threads.Count(t => t.IsAlive)} of 40 threads live on");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(List<Thread> threads)
    {
        for (int i = 0; i < 20; i++)
        {
            (WorkerTeam team, List<Thread> own) = Watched(3);
            Assert.True(team.TryRun(new Nothing(), 3));
            threads.AddRange(own);
        }
    }

    [Fact]
    public void A_state_keeps_its_team()
    {
        LayerShape shape = LayerShape.Lstm(96, 130);
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(shape, 1));
        (LayerState State, List<Thread> Threads) Make()
        {
            (WorkerTeam team, List<Thread> threads) = Watched(3);
            return (layer.CreateState(5, team), threads);
        }

        (LayerState state, List<Thread> threads) = Make();
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        layer.Run(state, 20, new float[20 * 5 * 96], new float[20 * 5 * 130]);
        Assert.All(threads, t => Assert.True(t.IsAlive));
        GC.KeepAlive(state);
    }

    [Fact]
    public void Pinned_workers_stay_on_the_processors_that_the_process_may_use()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/taskset"), "Needs Linux and taskset.");
        int[] all = ProcessorAffinity.Allowed();
        Assert.SkipWhen(all.Length < 2, "Needs two processors.");
        TaskSet(string.Join(',', all[1..]));
        try
        {
            Assert.Equal(all[1..], ProcessorAffinity.Allowed());
            using var team = new WorkerTeam(4, pin: true);
            var masks = new Masks(4);
            Assert.True(team.TryRun(masks, 4));
            for (int worker = 1; worker < 4; worker++)
                Assert.Equal($"{all[1..][worker % (all.Length - 1)]}", masks.Of[worker]);
        }
        finally
        {
            TaskSet(string.Join(',', all));
        }
    }

    private sealed class Masks(int workers) : ITeamWork
    {
        public string[] Of { get; } = new string[workers];

        public void Execute(int worker) =>
            Of[worker] = File.ReadLines("/proc/thread-self/status").Single(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
    }

    /// <summary>Of all threads of this process; again where one of them ended before its turn.</summary>
    private static void TaskSet(string processors)
    {
        int exit = -1;
        for (int attempt = 0; attempt < 20 && exit != 0; attempt++)
        {
            using Process process = Process.Start(new ProcessStartInfo("taskset", ["-a", "-c", "-p", processors, $"{Environment.ProcessId}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            exit = process.ExitCode;
        }

        Assert.Equal(0, exit);
    }
}
