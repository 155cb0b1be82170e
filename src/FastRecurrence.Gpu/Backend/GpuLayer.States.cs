using FastRecurrence.Threading;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <content>States that go to and from memory of the device.</content>
public sealed partial class GpuLayer
{
    /// <summary>Copies h, and c where there is one, into device memory, <c>[N, H]</c> each; enqueued in the state's stream.</summary>
    /// <exception cref="ArgumentException">A buffer is too short or another device's.</exception>
    public void CopyState(LayerState state, DeviceBuffer hidden, DeviceBuffer? cell = null) => MoveState(state, hidden, cell, read: true);

    /// <summary>Sets h, and c where there is one, from device memory, <c>[N, H]</c> each; enqueued in the state's stream.</summary>
    /// <exception cref="ArgumentException">A buffer is too short or another device's.</exception>
    public void SetState(LayerState state, DeviceBuffer hidden, DeviceBuffer? cell = null) => MoveState(state, hidden, cell, read: false);

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
        using ExclusiveUse.Lease lease = state.Acquire();
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
}
