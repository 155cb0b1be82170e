using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using FastRecurrence.Threading;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// A layer whose weights lie on a device; what <see cref="GpuBackend"/> prepares. Beside the spans of
/// <see cref="RecurrentLayer"/> it takes data that already lie on the device, and streams.
/// </summary>
public sealed partial class GpuLayer : RecurrentLayer
{
    private readonly GpuDevice _device;
    private readonly InputGemmFamily _inputGemm;
    private bool _freed;

    internal GpuLayer(LayerWeights weights, GpuBackend backend, WeightFormat format = WeightFormat.Float32, double formatError = 0, double inputGemmError = 0)
        : base(weights.Shape, backend)
    {
        _device = backend.Device;
        (Format, FormatError, InputGemmError) = (format, formatError, inputGemmError);
        InputGemm = backend.InputGemm != InputGemm.Automatic ? backend.InputGemm
            : GpuBackend.Refuse(_device.Traits, Shape, InputGemm.TripleTf32, forced: false) is null ? InputGemm.TripleTf32
            : InputGemm.Float32;
        (Forced, RecurrentGemm) = (backend.Forced, backend.RecurrentGemm);
        using (_device.Enter())
            _inputGemm = new InputGemmFamily(_device, InputGemm, Shape.InputSize);
        Weights = new DeviceWeights(weights, _device, format, InputGemm);
    }

    /// <inheritdoc/>
    public override WeightFormat Format { get; }

    /// <inheritdoc/>
    public override double FormatError { get; }

    /// <summary>How <c>b + x·W</c> is computed; never <see cref="InputGemm.Automatic"/>.</summary>
    public InputGemm InputGemm { get; }

    /// <summary>How h·R may be computed.</summary>
    public RecurrentGemm RecurrentGemm { get; }

    /// <summary>
    /// The largest difference of h that <see cref="InputGemm"/> made against <see cref="Gpu.InputGemm.Float32"/> with weights of the same format, measured
    /// when the layer was prepared: 32 steps of uniform input in ±1, a batch of one. 0 for float32, and where the default was left.
    /// </summary>
    public double InputGemmError { get; }

    /// <summary>Where the weights lie.</summary>
    internal GpuDevice Device => _device;

    /// <summary>The weights there.</summary>
    internal DeviceWeights Weights { get; }

    /// <summary>A kernel that is taken where it can run; null for the model's choice.</summary>
    internal ForcedKernel? Forced { get; }

    /// <summary>Chunks that a persistent grid gave up and that were run again step by step.</summary>
    internal long Fallbacks { get; set; }

    /// <summary>Chunks whose two directions shared a launch; counted by the forward layer.</summary>
    internal long SharedLaunches { get; set; }

    /// <summary>Polls of a word before a persistent grid gives up: about a tenth of a second on a GPU. Other values in tests.</summary>
    internal int PollBudget { get; set; } = 1 << 18;

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
        return new GpuState(this, _device, batchSize, stream);
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

        using ExclusiveUse.Lease lease = state.Acquire();
        if (sequenceLength == 0 || N == 0)
            return;
        var s = (GpuState)state;
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        try
        {
            s.Reserve(s.ChunkLength(sequenceLength));
            GraphKey key = new(sequenceLength, N, input.Address, output.Address, gates?.Address ?? IntPtr.Zero, s.Memory);
            if (s.Graphs is not LaunchGraphs graphs)
                Enqueue(s, sequenceLength, input, output, gates);
            else if (!graphs.TryRun(key))
                Record(graphs, key, s, sequenceLength, input, output, gates);
        }
        catch (AcceleratorException e)
        {
            throw Failure(sequenceLength, N, e);
        }
    }

    /// <summary>Which kernels a batch of this size runs on, and why; a line for people.</summary>
    /// <param name="batchSize">N, at least 1.</param>
    public string Explain(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return InputGemm == InputGemm.Float32 ? Choice(batchSize).ToString() : $"{Choice(batchSize)}; x·W by {InputGemm}";
    }

    /// <summary>What a batch runs on.</summary>
    internal KernelChoice Choice(int batchSize)
    {
        using Lock.Scope _ = _device.Enter();
        return KernelChoice.For(_device, Shape, Format, batchSize, Forced, RecurrentGemm);
    }

    /// <summary>A narrow format is for speed alone: where the model sees none, float32 is as fast and exact. A forced kernel is taken all the same.</summary>
    private void RefuseFormatInVain(int batchSize)
    {
        if (Format == WeightFormat.Float32 || Forced is not null || batchSize == 0)
            return;
        using Lock.Scope _ = _device.Enter();
        KernelChoice narrow = KernelChoice.For(_device, Shape, Format, batchSize, null, RecurrentGemm);
        KernelChoice exact = KernelChoice.For(_device, Shape, WeightFormat.Float32, batchSize, null, RecurrentGemm);
        if (narrow.Microseconds > KernelChoice.LeastGain * exact.Microseconds)
        {
            throw new NotSupportedException(FormattableString.Invariant(
                $"{Format} weights would not be faster for a batch of {batchSize} on {Backend.Name}: {narrow.Family} {narrow.Microseconds:0.00} µs a step ")
                + FormattableString.Invariant($"by the model, with Float32 {exact.Family} {exact.Microseconds:0.00} µs. Use Float32."));
        }
    }

    private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
    {
        RefuseTeam(team);
        RefuseFormatInVain(batchSize);
        return new GpuState(this, _device, batchSize, stream: null);
    }

    /// <summary>In one launch where <see cref="KernelChoice.BothDirections"/> says that both grids fit.</summary>
    internal override bool RunsBothDirectionsAtOnce => true;

    internal override void RunBothDirections(
        LayerState state, RecurrentLayer reverse, LayerState reverseState, int sequenceLength,
        ReadOnlySpan<float> input, Span<float> output, Span<float> reverseOutput, in SequenceOptions options)
    {
        if (sequenceLength >= GridPersistent.ShortestSequence && TwoDirections.Of((GpuState)state, reverseState) is TwoDirections together)
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
        int chunk = s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        s.ReserveWanted(wantGates, wantCells);
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
                    WantedOutputs wanted = s.Wanted(wantGates, wantCells);
                    RunOwn(OwnMemory(s, steps, rows) with { Wanted = wanted });
                    staged = s.Download(y + from * P, null, count * P);
                    if (wantGates)
                        Transfer.Enqueue(s.Queue, wanted.Gates, g + from * G * H, count * G * H);
                    if (wantCells)
                        Transfer.Enqueue(s.Queue, wanted.Cells, c + from * H, count * H);
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

    /// <summary>From a chunk's x to its h and the state, all on the device. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    private void RunChunk(in StepChunk chunk)
    {
        RunInputGemm(chunk);
        chunk.State.Recurrence.Run(chunk);
    }

    /// <summary>The preactivations of a chunk. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    internal void RunInputGemm(in StepChunk chunk) => _inputGemm.Run(
        chunk.Queue, Weights, chunk.Input, chunk.Preactivation, chunk.Steps * chunk.Rows,
        chunk.State.Recurrence.WantsUnwritten(chunk.Steps) ? chunk.Output : ArrayView<float>.Empty);

    /// <summary>A chunk in the state's own memory.</summary>
    private StepChunk OwnMemory(GpuState s, int steps, int rows) => new(this, s, steps, rows)
    {
        Input = s.Input,
        Preactivation = s.Preactivation,
        Output = s.Output,
        Wanted = s.Wanted(gates: false, cells: false),
    };

    private DeviceException Failure(int steps, int rows, AcceleratorException e) =>
        _device.Failure(FormattableString.Invariant($"run {Shape} over {steps} steps of {rows} rows"), e);

    private protected override void DisposeCore()
    {
        _freed = true;
        Weights.Dispose();
    }
}
