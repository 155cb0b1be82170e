using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// The kernels of a state that runs on <see cref="GridPersistent"/>. The grid writes the next h and c beside the old ones; when it is known to have run
/// through, they change places. Where it gave up, the chunk runs again step by step. The device is held meanwhile: no second grid spins beside it.
/// </summary>
internal sealed class GridRun : FamilyRun
{
    private readonly GpuDevice _device;
    private readonly KernelVariant _variant;
    private readonly KernelLaunch<GridArguments> _grid;
    private readonly FamilyRun _steps;
    private readonly MemoryBuffer1D<int, Stride1D.Dense>? _flags;
    private readonly PageLockedArray1D<int>? _hostFlags;

    // CUDA's devices write to page-locked memory by themselves.
    private readonly bool _isMapped;
    private MemoryBuffer1D<float, Stride1D.Dense>? _nextHidden, _nextCell;

    /// <summary>Loads them, and makes room for the next c.</summary>
    public GridRun(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize)
    {
        (_device, _variant, _isMapped) = (device, variant, device.Traits.Kind == DeviceKind.Cuda);
        _grid = GridPersistent.Kernel(device, shape, variant);
        _steps = SplitKStep.Load(device, shape, variant.Format, variant.Rows);
        try
        {
            _nextCell = device.Allocate<float>(shape.HasCellState ? (long)batchSize * shape.HiddenSize : 0, "the next c");
            _nextHidden = device.Allocate<float>((long)batchSize * shape.HiddenSize, "the next h");
            _flags = device.Allocate<int>(1, "the error flag");
            _hostFlags = device.AllocatePageLocked<int>(1);
            _flags.View.BaseView.MemSetToZero(device.DefaultStream);
            device.DefaultStream.Synchronize();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>No: the host looks whether the grid ran through.</summary>
    public override bool MayBeRecorded => false;

    /// <inheritdoc/>
    public override bool WantsUnwritten(int steps) => steps >= GridPersistent.ShortestSequence;

    /// <inheritdoc/>
    public override void Prepare(DeviceWeights weights) => _steps.Prepare(weights);

    /// <inheritdoc/>
    public override void Run(in StepChunk chunk)
    {
        if (!WantsUnwritten(chunk.Steps) || !TryGrid(chunk))
            _steps.Run(chunk);
    }

    /// <summary>
    /// Both directions of a bidirectional layer in one launch where that lasts for as many steps as a launch is worth; one gives up for both. The second
    /// chunk lies right behind the first in every view; nothing beside h is asked for.
    /// </summary>
    public void RunBoth(in StepChunk first, in StepChunk second, BothDirections both)
    {
        if (WantsUnwritten(first.Steps) && TryBoth(first, second, both))
            return;
        _steps.Run(first);
        both.Second._steps.Run(second);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _device.Free(_nextHidden, _nextCell, _flags, _hostFlags);
        _steps.Dispose();
        base.Dispose();
    }

    private bool TryGrid(in StepChunk chunk)
    {
        _grid(chunk.Queue, GridPersistent.Config(_variant, chunk.Weights.Columns4, chunk.Rows, directions: 1), Arguments(chunk, default));
        if (GaveUp(chunk.Queue))
        {
            chunk.Layer.Fallbacks++;
            return false;
        }

        chunk.State.Take(chunk.Rows, ref _nextHidden!, ref _nextCell!);
        return true;
    }

    private bool TryBoth(in StepChunk first, in StepChunk second, BothDirections both)
    {
        GridRun other = both.Second;
        both.Kernel(first.Queue, GridPersistent.Config(both.Variant, first.Weights.Columns4, first.Rows, directions: 2), Arguments(first, new()
        {
            Initial = second.State.Hidden,
            Carried = second.Carried(second.State.Hidden),
            NextCarried = other._nextCell!.View.BaseView,
            NextHidden = other._nextHidden!.View.BaseView,
            Weights = second.Weights.Recurrent,
        }));
        first.Layer.SharedLaunches++;
        if (GaveUp(first.Queue))
        {
            first.Layer.Fallbacks++;
            second.Layer.Fallbacks++;
            return false;
        }

        first.State.Take(first.Rows, ref _nextHidden!, ref _nextCell!);
        second.State.Take(second.Rows, ref other._nextHidden!, ref other._nextCell!);
        return true;
    }

    private GridArguments Arguments(in StepChunk chunk, SecondDirectionArguments second) => new()
    {
        Sequence = chunk.Sequence,
        NextCarried = _nextCell!.View.BaseView,
        NextHidden = _nextHidden!.View.BaseView,
        Flags = _flags!.View.BaseView,
        HostFlags = _isMapped ? _hostFlags!.ArrayView : _flags.View.BaseView,
        Second = second,
        PollBudget = chunk.Layer.PollBudget,
    };

    /// <summary>Waits for all that was enqueued, and says whether the error flag was raised; then it is lowered again.</summary>
    private bool GaveUp(AcceleratorStream queue)
    {
        if (!_isMapped)
        {
            ArrayView<int> target = _hostFlags!.ArrayView;
            _flags!.View.BaseView.CopyTo(queue, target);
            _device.Transfers.Downloads++;
        }

        queue.Synchronize();
        if (_hostFlags!.Span[0] == 0)
            return false;
        _hostFlags.Span[0] = 0;
        _flags!.View.BaseView.MemSetToZero(queue);
        return true;
    }

    /// <summary>What runs two directions in one launch.</summary>
    /// <param name="Variant">The variant, two directions deep.</param>
    /// <param name="Kernel">Its kernel.</param>
    /// <param name="Second">The second direction's own.</param>
    internal sealed record BothDirections(KernelVariant Variant, KernelLaunch<GridArguments> Kernel, GridRun Second);
}
