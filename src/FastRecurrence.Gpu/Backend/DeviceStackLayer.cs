using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using ILGPU;

namespace FastRecurrence.Gpu;

/// <summary>
/// One layer of a stack over packed rows on the device, in one direction or both. The forward direction reads its rows where they lie; the reverse one's
/// are gathered from each row's last step on, a chunk at a time. Directions beside each other write their part of every row of the output.
/// </summary>
internal sealed class DeviceStackLayer
{
    private readonly GpuDevice _device;
    private readonly GpuState _first;
    private readonly GpuState? _second;
    private readonly bool _isReverse;
    private readonly GridRun.BothDirections? _both;

    /// <summary>Of one direction, or the forward one and the reverse one.</summary>
    public DeviceStackLayer(GpuDevice device, StackLayer layer, GpuState first, GpuState? second)
    {
        (_device, _first, _second, _isReverse) = (device, first, second, layer.Forward is null);
        (InputSize, OutputSize) = (layer.InputSize, layer.OutputSize);
        if (second is not null)
            _both = InOneLaunch(device, first, second);
    }

    /// <summary>Features per row of the input.</summary>
    public int InputSize { get; }

    /// <summary>Features per row of the output, of all directions.</summary>
    public int OutputSize { get; }

    /// <summary>Whether both directions run in one launch.</summary>
    public bool SharesLaunches => _both is not null;

    private int Directions => _both is not null ? 2 : 1;

    /// <summary>Makes room for the layer's chunks. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    /// <exception cref="DeviceException">The device has too little memory.</exception>
    public void Reserve(Workspace workspace, int sequenceLength)
    {
        long rows = (long)ChunkLength(sequenceLength) * _first.BatchSize, P = Math.Max(_first.Layer.Shape.OutputSize, _second?.Layer.Shape.OutputSize ?? 0);
        long columns = Math.Max(Columns(_first), _second is null ? 0 : Columns(_second));
        bool moves = _isReverse || _second is not null;
        workspace.Reserve(moves ? rows * InputSize : 0, Directions * rows * columns, moves ? Directions * rows * P : 0);
    }

    /// <summary>Enqueues the layer. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void Enqueue(in Call call)
    {
        if (_both is not null)
        {
            EnqueueBoth(call, _both);
            return;
        }

        Enqueue(call, _first, _isReverse, 0);
        if (_second is not null)
            Enqueue(call, _second, reverse: true, _first.Layer.Shape.OutputSize);
    }

    private static GridRun.BothDirections? InOneLaunch(GpuDevice device, GpuState first, GpuState second)
    {
        GpuLayer a = (GpuLayer)first.Layer, b = (GpuLayer)second.Layer;
        if (a.Shape != b.Shape || a.Format != b.Format || first.Choice.BothDirections is not KernelVariant both || second.Choice.BothDirections != both)
            return null;
        using Lock.Scope _ = device.Enter();
        return new(both, GridPersistent.Kernel(device, a.Shape, both), (GridRun)second.Recurrence);
    }

    private static long Columns(GpuState state) => (long)((GpuLayer)state.Layer).Weights.Columns4 * PackedWeights.Lanes;

    /// <summary>Steps of a chunk: all, or as many as the scratch may hold.</summary>
    private int ChunkLength(int sequenceLength)
    {
        long row = InputSize + Directions * (Columns(_first) + _first.Layer.Shape.OutputSize);
        if (_second is not null)
            row = Math.Max(row, InputSize + Directions * (Columns(_second) + _second.Layer.Shape.OutputSize));
        return (int)Math.Clamp(_device.ChunkBytes / (sizeof(float) * row * _first.BatchSize), 1, sequenceLength);
    }

    /// <summary>One direction: what it writes begins at <paramref name="column"/> of every row.</summary>
    private void Enqueue(in Call call, GpuState state, bool reverse, int column)
    {
        var layer = (GpuLayer)state.Layer;
        int I = InputSize, P = layer.Shape.OutputSize, chunk = ChunkLength(call.Sequence.Steps);
        bool isDirect = !reverse && P == OutputSize;
        Workspace w = call.Workspace;
        for (int step = 0, row = 0; step < call.Sequence.Steps;)
        {
            Stretch stretch = call.From(step, row, chunk);
            int count = stretch.Count;
            if (reverse)
                Move(call, stretch, w.Input, call.Input, I, I, reverse: true, unpacks: false);
            ArrayView<float> output = isDirect ? call.Output.SubView(row * P, count * P) : w.Output.SubView(0, count * P);
            GpuLayer.RunRecorded(new StepChunk(layer, state, stretch.Steps, stretch.Rows)
            {
                Input = reverse ? w.Input.SubView(0, count * I) : call.Input.SubView(row * I, count * I),
                Preactivation = w.Preactivation,
                Output = output,
                Wanted = w.Wanted(gates: false, cells: false),
            });
            if (!isDirect)
                Move(call, stretch, output, call.Output.SubView(column), P, OutputSize, reverse, unpacks: true);
            (step, row) = (step + stretch.Steps, row + count);
        }
    }

    /// <summary>Both directions in one launch: the second's rows behind the first's.</summary>
    private void EnqueueBoth(in Call call, GridRun.BothDirections both)
    {
        GpuLayer first = (GpuLayer)_first.Layer, second = (GpuLayer)_second!.Layer;
        int I = InputSize, H = first.Shape.HiddenSize, chunk = ChunkLength(call.Sequence.Steps);
        Workspace w = call.Workspace;
        for (int step = 0, row = 0; step < call.Sequence.Steps;)
        {
            Stretch stretch = call.From(step, row, chunk);
            int count = stretch.Count;
            Move(call, stretch, w.Input, call.Input, I, I, reverse: true, unpacks: false);
            StepChunk forward = new(first, _first, stretch.Steps, stretch.Rows)
            {
                Input = call.Input.SubView(row * I, count * I),
                Preactivation = w.Preactivation, // to its end, as the output: the grid takes both directions from the first
                Output = w.Output,
                Wanted = w.Wanted(gates: false, cells: false),
            };
            StepChunk backward = forward with
            {
                Layer = second,
                State = _second,
                Input = w.Input.SubView(0, count * I),
                Preactivation = w.Preactivation.SubView((long)count * first.Weights.Columns4),
                Output = w.Output.SubView((long)count * H),
            };
            first.RunInputGemm(forward);
            second.RunInputGemm(backward);
            ((GridRun)_first.Recurrence).RunBoth(forward, backward, both);
            Move(call, stretch, forward.Output, call.Output, H, OutputSize, reverse: false, unpacks: true);
            Move(call, stretch, backward.Output, call.Output.SubView(H), H, OutputSize, reverse: true, unpacks: true);
            (step, row) = (step + stretch.Steps, row + count);
        }
    }

    private void Move(
        in Call call, in Stretch stretch, ArrayView<float> packed, ArrayView<float> elsewhere, int width, int stride, bool reverse, bool unpacks)
    {
        bool ragged = !call.Sequence.RowsPerStep.IsEmpty;
        RowMoves.Enqueue(_device, _first.Queue, new()
        {
            Packed = packed,
            Elsewhere = elsewhere,
            Lengths = ragged ? call.Order.Lengths : default,
            Starts = ragged ? call.Order.Starts : default,
            Map = !reverse ? MoveRowsKernel.Same : ragged ? MoveRowsKernel.ReversedByLength : MoveRowsKernel.Reversed,
            Unpacks = unpacks ? 1 : 0,
            Steps = stretch.Steps,
            Rows = stretch.Rows,
            Width = width,
            Stride = stride,
            First = reverse ? stretch.Step : stretch.Row,
            Last = call.Sequence.Steps - 1 - stretch.Step,
        });
    }

    /// <summary>A call as a layer sees it.</summary>
    internal readonly ref struct Call
    {
        /// <summary>Its steps and how many rows they have.</summary>
        public required SortedSequence Sequence { get; init; }

        /// <summary>All of its rows.</summary>
        public required PackedRows Rows { get; init; }

        /// <summary>Where the rows of the reverse direction lie, when they have different lengths.</summary>
        public required RowOrder Order { get; init; }

        /// <summary>Scratch.</summary>
        public required Workspace Workspace { get; init; }

        /// <summary>Packed rows of I.</summary>
        public required ArrayView<float> Input { get; init; }

        /// <summary>Packed rows of <see cref="OutputSize"/>.</summary>
        public required ArrayView<float> Output { get; init; }

        /// <summary>Steps with the same rows, at most so many.</summary>
        public Stretch From(int step, int row, int most) =>
            new(step, row, Rows.SameUntil(Sequence, step, most) - step, Sequence.RowsAt(step, Rows.BatchSize));
    }

    /// <summary>Steps that all have the same rows.</summary>
    /// <param name="Step">The first.</param>
    /// <param name="Row">Rows of all steps before.</param>
    /// <param name="Steps">Steps.</param>
    /// <param name="Rows">Rows of each.</param>
    internal readonly record struct Stretch(int Step, int Row, int Steps, int Rows)
    {
        public int Count => Steps * Rows;
    }
}
