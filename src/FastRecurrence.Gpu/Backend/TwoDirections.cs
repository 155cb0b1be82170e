using System.Diagnostics;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Threading;
using ILGPU;

namespace FastRecurrence.Gpu;

/// <summary>
/// A bidirectional layer whose directions run in one grid. Both sequences are checked and packed as if they ran one after
/// the other: the forward one, where it would run, starts the reverse one; where that would run, both are there and
/// run together, in the forward state's memory. Kept by the forward state, so that repeated calls allocate nothing.
/// </summary>
internal sealed unsafe class TwoDirections
{
    private readonly GpuLayer _forward, _reverse;
    private readonly GpuState _forwardState, _reverseState;
    private readonly GridRun.BothDirections _both;
    private Stage _stage;
    private Call _call;
    private Rows _rows;

    private TwoDirections(GpuState forward, GpuState reverse, GridRun.BothDirections both) =>
        (_forwardState, _reverseState, _forward, _reverse, _both) = (forward, reverse, (GpuLayer)forward.Layer, (GpuLayer)reverse.Layer, both);

    private enum Stage
    {
        /// <summary>Not in a call, or done.</summary>
        Idle,

        /// <summary>Until the forward sequence is packed.</summary>
        Forward,

        /// <summary>Until the reverse one is.</summary>
        Reverse,
    }

    /// <summary>Both states' way to run together; null where they must run one after the other.</summary>
    public static TwoDirections? Of(GpuState forward, LayerState reverse)
    {
        if (forward.Together is TwoDirections made && ReferenceEquals(made._forwardState, forward) && ReferenceEquals(made._reverseState, reverse))
            return made;
        if (reverse is not GpuState other || ReferenceEquals(other, forward))
            return null;
        GpuLayer a = (GpuLayer)forward.Layer, b = (GpuLayer)other.Layer;
        if (!ReferenceEquals(a.Device, b.Device) || a.Shape != b.Shape || a.Format != b.Format
            || forward.BatchSize != other.BatchSize || !ReferenceEquals(forward.Queue, other.Queue))
            return null;
        if (forward.Choice.BothDirections is not KernelVariant both || other.Choice.BothDirections != both || 2L * forward.StepFloats > int.MaxValue)
            return null;
        using Lock.Scope _ = a.Device.Enter();
        var grids = new GridRun.BothDirections(both, GridPersistent.Kernel(a.Device, a.Shape, both), (GridRun)other.Recurrence);
        return forward.Together = other.Together = new TwoDirections(forward, other, grids);
    }

    /// <summary>Runs both; arguments as of <see cref="RecurrentLayer.RunBothDirections"/>.</summary>
    public void Run(int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> reverseOutput, in SequenceOptions options)
    {
        fixed (float* x = input, y = reverseOutput)
        fixed (int* lengths = options.Lengths)
        {
            _call = new Call
            {
                Steps = sequenceLength,
                Input = x,
                InputLength = input.Length,
                Output = y,
                OutputLength = reverseOutput.Length,
                Lengths = lengths,
                LengthCount = options.Lengths.Length,
                Padding = options.Padding,
                Layout = options.Layout,
            };
            _stage = Stage.Forward;
            try
            {
                _forward.Run(_forwardState, sequenceLength, input, output, options);
                if (_stage == Stage.Forward) // no row has a step
                    RunReverse();
            }
            finally
            {
                _stage = Stage.Idle;
            }
        }
    }

    /// <summary>Takes a sorted sequence that is about to run; false when it shall run by itself. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public bool Take(GpuState state, in SortedSequence sequence)
    {
        if (_stage == Stage.Forward && ReferenceEquals(state, _forwardState))
        {
            fixed (float* x = sequence.Input, y = sequence.Output)
            fixed (int* rows = sequence.RowsPerStep)
            {
                _rows = new Rows(sequence.Steps, rows, x, y);
                _stage = Stage.Reverse;
                RunReverse();
                bool taken = _stage == Stage.Idle;
                _stage = Stage.Idle;
                return taken;
            }
        }

        if (_stage != Stage.Reverse || !ReferenceEquals(state, _reverseState) || !HasSameRows(sequence))
            return false;
        _stage = Stage.Idle;
        fixed (float* x = sequence.Input, y = sequence.Output)
        {
            for (int t = 0, row = 0; t < sequence.Steps;)
            {
                int rows = sequence.RowsAt(t, state.BatchSize), until = t + 1;
                while (until < sequence.Steps && sequence.RowsAt(until, state.BatchSize) == rows)
                    until++;
                RunDense(until - t, rows, row, x, y);
                row += (until - t) * rows;
                t = until;
            }
        }

        return true;
    }

    /// <summary>Whether a sequence has the forward one's rows in every step: both are sorted by the same lengths, but a dense one does not list them.</summary>
    private bool HasSameRows(in SortedSequence sequence)
    {
        bool same = sequence.Steps == _rows.Steps;
        for (int t = 0; t < sequence.Steps && same; t++)
            same = sequence.RowsAt(t, _forwardState.BatchSize) == (_rows.IsDense ? _forwardState.BatchSize : _rows.PerStep[t]);
        return same;
    }

    private void RunReverse()
    {
        var options = new SequenceOptions
        {
            Direction = Direction.Reverse,
            Lengths = new ReadOnlySpan<int>(_call.Lengths, _call.LengthCount),
            Padding = _call.Padding,
            Layout = _call.Layout,
        };
        ReadOnlySpan<float> input = new(_call.Input, _call.InputLength);
        _reverse.Run(_reverseState, _call.Steps, input, new Span<float>(_call.Output, _call.OutputLength), options);
    }

    /// <summary>Steps that all have the same rows: both directions up, through the kernels, down.</summary>
    private void RunDense(int sequenceLength, int rows, int row, float* reverseInput, float* reverseOutput)
    {
        GpuState s = _forwardState;
        int I = _forward.Shape.InputSize, H = _forward.Shape.HiddenSize, chunk = Reserve(sequenceLength);
        for (int t = 0; t < sequenceLength; t += chunk)
        {
            int steps = Math.Min(chunk, sequenceLength - t), count = steps * rows;
            long from = row + (long)t * rows;
            float* y = _rows.Output + from * H, reverseY = reverseOutput + from * H;
            bool staged = false;
            try
            {
                s.Upload(_rows.Input + from * I, reverseInput + from * I, count * I);
                RunChunk(steps, rows);
                staged = s.Download(y, reverseY, count * H);
            }
            finally
            {
                s.Queue.Synchronize(); // after a failure too: what was enqueued still reads and writes the pinned memory
            }

            if (staged)
                s.Unstage(y, reverseY, count * H);
        }
    }

    /// <summary>As <see cref="GpuLayer.MeasureKernels"/>, of both directions together.</summary>
    public double MeasureKernels(int sequenceLength, int repeats)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        using ExclusiveUse.Lease first = _forwardState.Acquire(), second = _reverseState.Acquire();
        using Lock.Scope _ = _forward.Device.Enter();
        int chunk = Reserve(sequenceLength);
        _forwardState.Queue.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            for (int t = 0; t < sequenceLength; t += chunk)
                RunChunk(Math.Min(chunk, sequenceLength - t), _forwardState.BatchSize);
            _forwardState.Queue.Synchronize();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    /// <summary>Makes room in the forward state for both directions; the steps of a chunk.</summary>
    private int Reserve(int sequenceLength)
    {
        int chunk = Math.Max(1, _forwardState.ChunkLength(2 * sequenceLength) / 2);
        _forwardState.Reserve(2 * chunk);
        return chunk;
    }

    /// <summary>The kernels alone, on what lies on the device: the second direction's rows behind the first's.</summary>
    private void RunChunk(int steps, int rows)
    {
        GpuState s = _forwardState;
        int count = steps * rows, I = _forward.Shape.InputSize, H = _forward.Shape.HiddenSize, columns4 = _forward.Weights.Columns4;
        StepChunk first = Chunk(_forward, s, 0), second = Chunk(_reverse, _reverseState, count);
        _forward.RunInputGemm(first);
        _reverse.RunInputGemm(second);
        ((GridRun)s.Recurrence).RunBoth(first, second, _both);

        StepChunk Chunk(GpuLayer layer, GpuState state, int from) => new(layer, state, steps, rows)
        {
            Input = s.Input.SubView(from * I, count * I),
            Preactivation = s.Preactivation.SubView(from * columns4), // to its end: the grid takes both directions from the first
            Output = s.Output.SubView(from * H),
            Wanted = s.Wanted(gates: false, cells: false),
        };
    }

    private struct Call
    {
        public float* Input, Output;
        public int* Lengths;
        public int Steps, InputLength, OutputLength, LengthCount;
        public Padding Padding;
        public SequenceLayout Layout;
    }

    private readonly struct Rows(int steps, int* perStep, float* input, float* output)
    {
        public readonly float* Input = input, Output = output;
        public readonly int* PerStep = perStep;
        public readonly int Steps = steps;

        public bool IsDense => PerStep is null;
    }
}
