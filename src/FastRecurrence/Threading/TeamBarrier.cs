using System.Runtime.CompilerServices;

namespace FastRecurrence.Threading;

/// <summary>
/// A barrier: each worker counts its arrivals on a cache line of its own, as (run, round), and waits until all others
/// have counted as far. Counts only grow (modulo 2⁶⁴, compared by their difference), so there is nothing to race with.
/// </summary>
internal sealed class TeamBarrier(int workers, bool mayMove)
{
    private const int Line = 16; // 128 bytes: processors fetch lines in pairs
    private const int RunsBetweenRefreshes = 1 << 24;
    private readonly long[] _arrivals = GC.AllocateArray<long>((workers + 1) * Line, pinned: true);

    private readonly int[] _processors = [.. Enumerable.Repeat(-1, workers)];

    /// <summary>
    /// Tells the others which processor a worker is on, after leaving one that another has told of: two workers that wait for
    /// each other on one processor make a step last a time slice.
    /// </summary>
    public void Settle(int worker)
    {
        if (!mayMove)
            return;
        _processors[worker] = -1;
        _processors[worker] = worker == 0 ? ProcessorAffinity.Current : ProcessorAffinity.Avoid(_processors); // the caller's own thread stays where it is
    }

    /// <summary>
    /// To be called before a run, while no worker is in one. A worker that sat out 2³¹ runs would look as if it were ahead:
    /// now and then all are brought up to date.
    /// </summary>
    public void Prepare(int run)
    {
        if (run % RunsBetweenRefreshes != 0)
            return;
        for (int worker = 0; worker < workers; worker++)
            Volatile.Write(ref At(worker), (long)run << 32);
    }

    /// <summary>Arrives and waits for the first <paramref name="count"/> workers.</summary>
    public void Wait(int worker, int count, int run, uint round)
    {
        long mine = ((long)run << 32) | round;
        Volatile.Write(ref At(worker), mine);
        for (int other = 0; other < count; other++)
        {
            if (other == worker)
                continue;
            var wait = new SpinThenYield();
            while (unchecked(Volatile.Read(ref At(other)) - mine) < 0)
            {
                wait.Once();
                if (wait.HasJustBegunToYield)
                    Settle(worker);
            }
        }
    }

    /// <summary>Passes every barrier of a run, and reports its end.</summary>
    public void Done(int worker, int run) => Volatile.Write(ref At(worker), ((long)run << 32) | uint.MaxValue);

    /// <summary>Waits until the first <paramref name="count"/> workers are done with a run.</summary>
    public void AwaitDone(int count, int run)
    {
        long done = ((long)run << 32) | uint.MaxValue;
        for (int worker = 0; worker < count; worker++)
        {
            var wait = new SpinThenYield();
            while (unchecked(Volatile.Read(ref At(worker)) - done) < 0)
                wait.Once();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref long At(int worker) => ref _arrivals[(worker + 1) * Line];
}
