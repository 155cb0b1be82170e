using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// The kernels of a state that runs on <see cref="GridPersistent"/>. h and c before a chunk stay as they were until the grid is known to have run through;
/// where it gave up, the chunk runs again step by step. The device is held meanwhile: no second grid spins beside it.
/// </summary>
internal sealed class GridRun : FamilyRun
{
    private readonly GpuDevice _device;
    private readonly KernelVariant _variant;
    private readonly KernelLaunch<GridArguments> _grid;
    private readonly FamilyRun _steps;
    private readonly MemoryBuffer1D<float, Stride1D.Dense>? _nextCell;
    private readonly MemoryBuffer1D<int, Stride1D.Dense>? _flags;
    private readonly PageLockedArray1D<int>? _flag;

    /// <summary>Loads them, and makes room for the next c.</summary>
    public GridRun(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize)
    {
        (_device, _variant) = (device, variant);
        _grid = GridPersistent.Kernel(device, shape, variant);
        _steps = new SplitKStep.Loaded(device, shape, variant.Format, variant.Rows);
        try
        {
            _nextCell = device.Allocate<float>(shape.HasCellState ? (long)batchSize * shape.HiddenSize : 0, "the next c");
            _flags = device.Allocate<int>(1, "the error flag");
            _flag = device.AllocatePageLocked<int>(1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Run(in StepChunk chunk)
    {
        if (chunk.Steps < GridPersistent.ShortestSequence || !TryGrid(chunk))
            _steps.Run(chunk);
    }

    /// <summary>
    /// Both directions of a bidirectional layer in one launch where that lasts for as many steps as a launch is worth; one gives up for both. The second
    /// chunk lies right behind the first in every view, whose rest is <paramref name="all"/>; nothing beside h is asked for.
    /// </summary>
    public void RunBoth(in StepChunk first, in StepChunk second, ArrayView<float> all, BothDirections both)
    {
        if (first.Steps >= GridPersistent.ShortestSequence && TryBoth(first, second, all, both))
            return;
        _steps.Run(first);
        both.Second._steps.Run(second);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _device.Free(_nextCell, _flags, _flag);
        _steps.Dispose();
        base.Dispose();
    }

    private bool TryGrid(in StepChunk chunk)
    {
        Prepare(chunk.Queue, chunk.Output.SubView(0, chunk.Steps * chunk.Rows * chunk.Shape.HiddenSize));
        _grid(chunk.Queue, GridPersistent.Config(_variant, chunk.Weights.Columns4, chunk.Rows, directions: 1), Arguments(chunk, default));
        if (GaveUp(chunk.Queue))
        {
            chunk.Layer.Fallbacks++;
            return false;
        }

        KeepCell(chunk);
        return true;
    }

    private bool TryBoth(in StepChunk first, in StepChunk second, ArrayView<float> all, BothDirections both)
    {
        Prepare(first.Queue, all);
        both.Kernel(first.Queue, GridPersistent.Config(both.Variant, first.Weights.Columns4, first.Rows, directions: 2), Arguments(first, new()
        {
            Initial = second.State.Hidden,
            Carried = second.Carried(second.State.Hidden),
            NextCarried = both.Second._nextCell!.View.BaseView,
            Weights = second.Weights.Recurrent,
        }));
        first.Layer.SharedLaunches++;
        if (GaveUp(first.Queue))
        {
            first.Layer.Fallbacks++;
            second.Layer.Fallbacks++;
            return false;
        }

        KeepCell(first);
        both.Second.KeepCell(second);
        return true;
    }

    private GridArguments Arguments(in StepChunk chunk, SecondDirectionArguments second) => new()
    {
        Sequence = chunk.Sequence,
        NextCarried = _nextCell!.View.BaseView,
        Flags = _flags!.View.BaseView,
        Second = second,
        PollBudget = chunk.Layer.PollBudget,
    };

    /// <summary>Words that nobody has written, and a lowered flag.</summary>
    private void Prepare(AcceleratorStream queue, ArrayView<float> words)
    {
        words.MemSet(queue, 0xFF);
        _flags!.View.BaseView.MemSetToZero(queue);
    }

    /// <summary>Waits for all that was enqueued, and says whether the error flag is up.</summary>
    private bool GaveUp(AcceleratorStream queue)
    {
        ArrayView<int> target = _flag!.ArrayView;
        _flags!.View.BaseView.CopyTo(queue, target);
        queue.Synchronize();
        return _flag.Span[0] != 0;
    }

    /// <summary>Takes over the c of a grid that ran through.</summary>
    private void KeepCell(in StepChunk chunk)
    {
        if (!chunk.Shape.HasCellState)
            return;
        int length = chunk.Rows * chunk.Shape.HiddenSize;
        ArrayView<float> cell = chunk.State.Cell.SubView(0, length);
        _nextCell!.View.BaseView.SubView(0, length).CopyTo(chunk.Queue, cell);
    }

    /// <summary>What runs two directions in one launch.</summary>
    /// <param name="Variant">The variant, two directions deep.</param>
    /// <param name="Kernel">Its kernel.</param>
    /// <param name="Second">The second direction's own.</param>
    internal sealed record BothDirections(KernelVariant Variant, KernelLaunch<GridArguments> Kernel, GridRun Second);
}
