using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// A layer whose weights lie on a device; what <see cref="GpuBackend"/> prepares. Beside the spans of
/// <see cref="RecurrentLayer"/> it takes data that already lie on the device, and streams.
/// </summary>
public sealed class GpuLayer : RecurrentLayer
{
    private readonly GpuDevice _device;
    private readonly ChunkRunner _runner;
    private readonly ForcedKernel? _forced;
    private bool _freed;

    internal GpuLayer(LayerWeights weights, GpuBackend backend, WeightFormat format = WeightFormat.Float32, double formatError = 0, double inputGemmError = 0)
        : base(weights.Shape, backend)
    {
        _device = backend.Device;
        (Format, FormatError, InputGemm, InputGemmError) = (format, formatError, backend.InputGemm, inputGemmError);
        _forced = backend.Forced ?? KernelPlan.FromEnvironment();
        _runner = new ChunkRunner(weights, _device, format, InputGemm);
    }

    /// <inheritdoc/>
    public override WeightFormat Format { get; }

    /// <inheritdoc/>
    public override double FormatError { get; }

    /// <summary>How <c>b + x·W</c> is computed.</summary>
    public InputGemm InputGemm { get; }

    /// <summary>
    /// The largest difference of h that <see cref="InputGemm"/> made against <see cref="Gpu.InputGemm.Float32"/> with weights of the same format, measured
    /// when the layer was prepared: 32 steps of uniform input in ±1, a batch of one. 0 for float32.
    /// </summary>
    public double InputGemmError { get; }

    /// <summary>Where the weights lie.</summary>
    internal GpuDevice Device => _device;

    /// <summary>What runs the kernels.</summary>
    internal ChunkRunner Runner => _runner;

    /// <summary>A state whose work goes to a stream of its own.</summary>
    /// <param name="batchSize">N; 0 is allowed and gives empty results.</param>
    /// <param name="stream">A stream of the same device; must outlive the state's use.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is negative, or N×G×H exceeds 2³¹−1.</exception>
    /// <exception cref="ArgumentException">The stream is another device's.</exception>
    /// <exception cref="NotSupportedException">Narrow weights would not be faster for this batch.</exception>
    /// <exception cref="DeviceException">The device has too little memory.</exception>
    public LayerState CreateState(int batchSize, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(batchSize);
        ObjectDisposedException.ThrowIf(_freed, this);
        Extents.Elements("A state (N×G×H)", nameof(batchSize), batchSize, Shape.GateCount, Shape.HiddenSize);
        RefuseFormatInVain(batchSize);
        return new GpuState(this, _device, batchSize, stream, _forced);
    }

    /// <summary>
    /// A whole sequence from and to device memory, without any copy to or from the host. Enqueued, not waited for: wait
    /// with the stream's <see cref="GpuStream.Synchronize"/>, or by reading the output. (Where a persistent grid is used,
    /// the call waits: it must know that the grid ran through.)
    /// </summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T; 0 does nothing.</param>
    /// <param name="input">x, <c>[T, N, I]</c>. Never written.</param>
    /// <param name="output">h for every step, <c>[T, N, H]</c>. Must not be <paramref name="input"/>.</param>
    /// <param name="gates">Null, or room for the activated gates, <c>[T, N, G, H]</c>.</param>
    /// <exception cref="ArgumentException">A buffer is too short or another device's, or two are the same. Nothing is enqueued.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">Something was disposed.</exception>
    /// <exception cref="DeviceException">The driver failed.</exception>
    public void Run(LayerState state, int sequenceLength, DeviceBuffer input, DeviceBuffer output, DeviceBuffer? gates = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        if (!ReferenceEquals(state.Layer, this))
            throw new ArgumentException("state belongs to another layer. Create it with this layer's CreateState.", nameof(state));
        int N = state.BatchSize, I = Shape.InputSize, P = Shape.OutputSize, H = Shape.HiddenSize, G = Shape.GateCount;
        input.Require(nameof(input), _device, "T×N×I", sequenceLength, N, I);
        output.Require(nameof(output), _device, "T×N×H", sequenceLength, N, P);
        gates?.Require(nameof(gates), _device, "T×N×G×H", sequenceLength, N, G, H);
        if (ReferenceEquals(input, output) || ReferenceEquals(gates, input) || ReferenceEquals(gates, output))
            throw new ArgumentException("input, output and gates must be different buffers.", nameof(output));

        using LayerState.Lease lease = state.Acquire();
        if (sequenceLength == 0 || N == 0)
            return;
        var s = (GpuState)state;
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        try
        {
            int chunk = s.ChunkLength(sequenceLength);
            s.Reserve(chunk);
            for (int t = 0; t < sequenceLength; t += chunk)
            {
                int steps = Math.Min(chunk, sequenceLength - t), rows = t * N;
                _runner.Run(s, new DeviceChunk(steps, N,
                    input.View(input.Length).SubView(rows * I, steps * N * I), s.Preactivation,
                    output.View(output.Length).SubView(rows * P, steps * N * P),
                    gates is null ? s.Gates : gates.View(gates.Length).SubView(rows * G * H, steps * N * G * H),
                    gates is not null));
            }
        }
        catch (AcceleratorException e)
        {
            throw Failure(sequenceLength, N, e);
        }
    }

    /// <summary>Copies h, and c where there is one, into device memory, <c>[N, H]</c> each; enqueued in the state's stream.</summary>
    /// <exception cref="ArgumentException">A buffer is too short or another device's.</exception>
    public void CopyState(LayerState state, DeviceBuffer hidden, DeviceBuffer? cell = null) => MoveState(state, hidden, cell, read: true);

    /// <summary>Sets h, and c where there is one, from device memory, <c>[N, H]</c> each; enqueued in the state's stream.</summary>
    /// <exception cref="ArgumentException">A buffer is too short or another device's.</exception>
    public void SetState(LayerState state, DeviceBuffer hidden, DeviceBuffer? cell = null) => MoveState(state, hidden, cell, read: false);

    /// <summary>Which kernels a batch of this size runs on, and why; a line for people.</summary>
    /// <param name="batchSize">N, at least 1.</param>
    public string Explain(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return InputGemm == InputGemm.Float32 ? Plan(batchSize).ToString() : $"{Plan(batchSize)}; x·W by {InputGemm}";
    }

    /// <summary>The plan of a batch.</summary>
    internal KernelPlan Plan(int batchSize)
    {
        using Lock.Scope _ = _device.Enter();
        return PlannedKernels.Choose(_device, Shape, Format, batchSize, _forced);
    }

    /// <summary>A narrow format is for speed alone: where the model sees none, float32 is as fast and exact. A forced kernel is taken all the same.</summary>
    private void RefuseFormatInVain(int batchSize)
    {
        if (Format == WeightFormat.Float32 || _forced is not null || batchSize == 0)
            return;
        using Lock.Scope _ = _device.Enter();
        KernelPlan narrow = PlannedKernels.Choose(_device, Shape, Format, batchSize, null), exact = PlannedKernels.Choose(_device, Shape, WeightFormat.Float32, batchSize, null);
        if (narrow.Microseconds > KernelPlan.LeastGain * exact.Microseconds)
        {
            throw new NotSupportedException(FormattableString.Invariant(
                $"{Format} weights would not be faster for a batch of {batchSize} on {Backend.Name}: {KernelPlan.Name(narrow.Kind)} {narrow.Microseconds:0.00} µs a step by the model, with Float32 {KernelPlan.Name(exact.Kind)} {exact.Microseconds:0.00} µs. Use Float32."));
        }
    }

    private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
    {
        RefuseTeam(team);
        RefuseFormatInVain(batchSize);
        return new GpuState(this, _device, batchSize, stream: null, _forced);
    }

    /// <summary>In one launch where <see cref="KernelPlan.BothDirections"/> says that both grids fit.</summary>
    internal override bool RunsBothDirectionsAtOnce => true;

    internal override void RunBothDirections(LayerState state, RecurrentLayer reverse, LayerState reverseState, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> reverseOutput, in SequenceOptions options)
    {
        if (sequenceLength >= KernelPlan.ShortestGridSequence && TwoDirections.Of((GpuState)state, reverseState) is TwoDirections together)
            together.Run(sequenceLength, input, output, reverseOutput, options);
        else
            base.RunBothDirections(state, reverse, reverseState, sequenceLength, input, output, reverseOutput, options);
    }

    internal override bool RunsAfterDispose => false;

    private protected override void RunCore(LayerState state, in SortedSequence sequence)
    {
        var s = (GpuState)state;
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        try
        {
            if (s.Together is TwoDirections together && together.Take(s, sequence))
                return;

            // Rows only ever leave a packed sequence, the last first: it is a row of dense ones over fewer rows each.
            for (int t = 0, row = 0; t < sequence.Steps;)
            {
                int rows = sequence.RowsAt(t, s.BatchSize), until = t + 1;
                while (until < sequence.Steps && sequence.RowsAt(until, s.BatchSize) == rows)
                    until++;
                RunDense(s, sequence, until - t, rows, row);
                row += (until - t) * rows;
                t = until;
            }
        }
        catch (AcceleratorException e)
        {
            throw Failure(sequence.Steps, s.BatchSize, e);
        }
    }

    /// <summary>Steps that all have the same rows, from packed row <paramref name="row"/> on: up, through the kernels, down.</summary>
    private unsafe void RunDense(GpuState s, in SortedSequence sequence, int sequenceLength, int rows, int row)
    {
        int I = Shape.InputSize, P = Shape.OutputSize, H = Shape.HiddenSize, G = Shape.GateCount;
        bool wantGates = !sequence.Gates.IsEmpty, wantCells = !sequence.Cells.IsEmpty;
        // c of every step is in memory only between launches.
        int chunk = wantCells ? 1 : s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        if (wantGates)
            s.ReserveGates();
        fixed (float* x = sequence.Input, y = sequence.Output, g = sequence.Gates, c = sequence.Cells)
        {
            for (int t = 0; t < sequenceLength; t += chunk)
            {
                int steps = Math.Min(chunk, sequenceLength - t), count = steps * rows;
                long from = row + t * rows;
                bool staged = false;
                try
                {
                    s.Upload(x + from * I, null, count * I);
                    _runner.Run(s, new DeviceChunk(steps, rows, s.Input, s.Preactivation, s.Output, s.Gates, wantGates));
                    staged = s.Download(y + from * P, null, count * P);
                    if (wantGates)
                        Transfer.Enqueue(s.Queue, s.Gates, g + from * G * H, count * G * H);
                    if (wantCells)
                        Transfer.Enqueue(s.Queue, s.Cell, c + from * H, count * H);
                }
                finally
                {
                    s.Queue.Synchronize(); // after a failure too: what was enqueued still reads and writes the pinned memory
                }

                if (staged)
                    s.Unstage(y + from * P, null, count * P);
            }
        }
    }

    /// <summary>The input GEMM of a sequence alone, enqueued; for measurements.</summary>
    internal void RunInputGemm(LayerState state, int sequenceLength, DeviceBuffer input)
    {
        var s = (GpuState)state;
        using LayerState.Lease lease = state.Acquire();
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        int N = s.BatchSize, I = Shape.InputSize, chunk = s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        for (int t = 0; t < sequenceLength; t += chunk)
        {
            int rows = Math.Min(chunk, sequenceLength - t) * N;
            _runner.RunInputGemm(s, input.View(input.Length).SubView(t * N * I, rows * I), s.Preactivation, rows);
        }
    }

    /// <summary>
    /// Runs the kernels of a sequence <paramref name="repeats"/> times on whatever input lies on the device, without any
    /// copy to or from the host, and returns the seconds of one sequence, synchronisation included. What a caller would see
    /// whose data live on the device. The state's h and c advance; run the same shape once before, to upload input and
    /// to get compilation and growing out of the way.
    /// </summary>
    internal double MeasureKernels(LayerState state, int sequenceLength, int repeats)
    {
        var s = (GpuState)state;
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(s.BatchSize, 1);
        using LayerState.Lease lease = state.Acquire();
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        int chunk = s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        s.Queue.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            for (int t = 0; t < sequenceLength; t += chunk)
                _runner.Run(s, new DeviceChunk(Math.Min(chunk, sequenceLength - t), s.BatchSize, s.Input, s.Preactivation, s.Output, s.Gates, false));
            s.Queue.Synchronize();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    private void MoveState(LayerState state, DeviceBuffer hidden, DeviceBuffer? cell, bool read)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(hidden);
        if (!ReferenceEquals(state.Layer, this))
            throw new ArgumentException("state belongs to another layer. Create it with this layer's CreateState.", nameof(state));
        if (Shape.HasCellState != cell is not null)
            throw new ArgumentException($"{Shape} {(Shape.HasCellState ? "has a cell state: give a buffer for c" : "has no cell state c")}.", nameof(cell));
        hidden.Require(nameof(hidden), _device, "N×H", state.BatchSize, Shape.OutputSize);
        cell?.Require(nameof(cell), _device, "N×H", state.BatchSize, Shape.HiddenSize);
        using LayerState.Lease lease = state.Acquire();
        var s = (GpuState)state;
        int hiddenLength = s.BatchSize * Shape.OutputSize, cellLength = s.BatchSize * Shape.HiddenSize;
        if (hiddenLength == 0)
            return;
        using Lock.Scope _ = _device.Enter();
        try
        {
            Move(s.Hidden, hidden.View(hiddenLength), hiddenLength);
            if (cell is not null)
                Move(s.Cell, cell.View(cellLength), cellLength);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("copy a state on the device", e);
        }

        void Move(ArrayView<float> own, ArrayView<float> other, int length)
        {
            own = own.SubView(0, length);
            if (read)
                own.CopyTo(s.Queue, other);
            else
                other.CopyTo(s.Queue, own);
        }
    }

    private DeviceException Failure(int steps, int rows, AcceleratorException e) =>
        _device.Failure(FormattableString.Invariant($"run {Shape} over {steps} steps of {rows} rows"), e);

    private protected override void DisposeCore()
    {
        _freed = true;
        _runner.Dispose();
    }
}
