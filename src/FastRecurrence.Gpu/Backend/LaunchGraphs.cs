using FastRecurrence.Gpu.Families;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>What a graph was recorded for: the work of a call with these sizes and this memory.</summary>
/// <param name="Steps">T.</param>
/// <param name="Rows">N.</param>
/// <param name="Input">Where x lies.</param>
/// <param name="Preactivation">Where b + x·W goes.</param>
/// <param name="Output">Where h goes.</param>
/// <param name="Gates">Where gates go; 0 for nowhere.</param>
/// <param name="Cells">Where c of every step goes; 0 for nowhere.</param>
/// <param name="Hidden">Where the state's h lies, and c beside it.</param>
internal readonly record struct GraphKey(
    int Steps, int Rows, IntPtr Input, IntPtr Preactivation, IntPtr Output, IntPtr Gates, IntPtr Cells, IntPtr Hidden)
{
    /// <summary>Of a chunk in one launch or several.</summary>
    public static GraphKey Of(in StepChunk chunk) => new(
        chunk.Steps, chunk.Rows, Address(chunk.Input), Address(chunk.Preactivation.Cast<float>()), Address(chunk.Output),
        chunk.Wanted.WantGates != 0 ? Address(chunk.Wanted.Gates) : IntPtr.Zero, chunk.Wanted.WantCells != 0 ? Address(chunk.Wanted.Cells) : IntPtr.Zero,
        Address(chunk.State.Hidden));

    /// <summary>Where a view's first float lies, as the device counts.</summary>
    public static IntPtr Address(ArrayView<float> view) => view.LoadEffectiveAddressAsPtr();
}

/// <summary>
/// A state's calls that came twice, as graphs: from the third on a call is one request to the driver instead of one a step. The few used last are kept.
/// Use it inside <see cref="GpuDevice.Enter"/>.
/// </summary>
/// <param name="queue">The state's stream.</param>
/// <param name="steps">The driver's functions that wait for the step before by themselves (<see cref="DependentLaunch"/>).</param>
internal sealed class LaunchGraphs(AcceleratorStream queue, IReadOnlySet<IntPtr> steps) : IDisposable
{
    private const int Kept = 8;

    // A call that was seen once has no graph yet.
    private readonly (GraphKey Key, CudaGraph? Graph, long Used)[] _entries = new (GraphKey, CudaGraph?, long)[Kept];
    private long _clock;
    private bool _off, _recording;

    /// <summary>
    /// Runs the call's graph where there is one. Else enqueues its work, and records it where the call came before; where that fails the work is enqueued
    /// again, outside of a recording.
    /// </summary>
    /// <param name="key">The call.</param>
    /// <param name="work">What <paramref name="enqueue"/> needs.</param>
    /// <param name="enqueue">Enqueues the call's work; made once, so that calls allocate nothing.</param>
    public void Run<TWork>(in GraphKey key, TWork work, Action<TWork> enqueue)
    {
        if (TryRun(key))
            return;
        bool records = Begin(key), ran = false;
        try
        {
            enqueue(work);
        }
        finally
        {
            ran = End(key); // after a failure too: the stream must not go on recording
        }

        if (records && !ran)
            enqueue(work);
    }

    /// <summary>Runs the call's graph; false where there is none.</summary>
    private bool TryRun(in GraphKey key)
    {
        if (_off || Find(key) is not int at || _entries[at].Graph is not CudaGraph graph)
            return false;
        _entries[at].Used = ++_clock;
        if (graph.Run(queue))
            return true;
        _off = true;
        return false;
    }

    /// <summary>
    /// Starts to record where the call came before; else remembers it. What is enqueued next runs only after <see cref="End"/> where this was true.
    /// </summary>
    private bool Begin(in GraphKey key)
    {
        if (_off)
            return false;
        if (Find(key) is null)
        {
            int oldest = 0;
            for (int i = 1; i < Kept; i++)
                oldest = _entries[i].Used < _entries[oldest].Used ? i : oldest;
            _entries[oldest].Graph?.Dispose();
            _entries[oldest] = (key, null, ++_clock);
            return false;
        }

        return _recording = CudaGraph.Begin(queue);
    }

    /// <summary>Ends the recording and runs it; false where that cannot be done: then nothing was enqueued.</summary>
    private bool End(in GraphKey key)
    {
        if (!_recording)
            return false;
        _recording = false;
        CudaGraph? graph = CudaGraph.End(queue, steps);
        if (graph is null || Find(key) is not int at || !graph.Run(queue))
        {
            graph?.Dispose();
            _off = true;
            return false;
        }

        _entries[at].Graph = graph;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, CudaGraph? graph, _) in _entries)
            graph?.Dispose();
    }

    private int? Find(in GraphKey key)
    {
        for (int i = 0; i < Kept; i++)
        {
            if (_entries[i].Used != 0 && _entries[i].Key == key)
                return i;
        }

        return null;
    }
}
