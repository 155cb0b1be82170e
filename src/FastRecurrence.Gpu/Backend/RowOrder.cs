using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// How the rows of a ragged call are sorted, on the device: uploaded by the first call and by each that sorts them otherwise than the one before. Call all
/// of it inside <see cref="GpuDevice.Enter"/>; what it uploaded must have been waited for before the next <see cref="Take"/>.
/// </summary>
internal sealed class RowOrder(GpuDevice device) : IDisposable
{
    private MemoryBuffer1D<int, Stride1D.Dense>? _memory;
    private PageLockedArray1D<int>? _staged;
    private int _rows, _steps;
    private bool _isThere;

    /// <summary>Which row of the state each row is.</summary>
    public ArrayView<int> Order => Part(0, _rows);

    /// <summary>How many steps each row has, descending; only where they were given.</summary>
    public ArrayView<int> Lengths => Part(_rows, _steps == 0 ? 0 : _rows);

    /// <summary>At which packed row each step begins; only where steps were given.</summary>
    public ArrayView<int> Starts => Part(2 * _rows, _steps);

    /// <summary>Brings an order to the device, unless it lies there.</summary>
    /// <param name="queue">Where the copy goes.</param>
    /// <param name="order">The row of the state at each place.</param>
    /// <param name="lengths">Steps of the row at each place; empty where nothing is to be reversed.</param>
    /// <param name="rowsPerStep">Rows of every step; empty with <paramref name="lengths"/>.</param>
    /// <exception cref="DeviceException">The device or the host has too little memory.</exception>
    public void Take(AcceleratorStream queue, ReadOnlySpan<int> order, ReadOnlySpan<int> lengths, ReadOnlySpan<int> rowsPerStep)
    {
        int count = order.Length + lengths.Length + rowsPerStep.Length;
        Reserve(count);
        Span<int> staged = _staged!.Span[..count];
        _isThere &= _rows == order.Length && _steps == rowsPerStep.Length;
        (_rows, _steps) = (order.Length, rowsPerStep.Length);
        Put(order, staged);
        Put(lengths, staged[order.Length..]);
        PutStarts(rowsPerStep, staged[(order.Length + lengths.Length)..]);
        if (_isThere)
            return;
        ArrayView<int> target = _memory!.View.BaseView.SubView(0, count);
        _staged.ArrayView.SubView(0, count).CopyTo(queue, target);
        device.Transfers.Uploads++;
        _isThere = true;
    }

    /// <inheritdoc/>
    public void Dispose() => device.Free(_memory, _staged);

    private void Reserve(int count)
    {
        if (_memory is not null && _memory.Length >= count)
            return;
        MemoryBuffer1D<int, Stride1D.Dense> memory = device.Allocate<int>(count, "the order of rows");
        try
        {
            PageLockedArray1D<int> staged = device.AllocatePageLocked<int>(Math.Max(count, 1));
            device.Free(_memory, _staged);
            (_memory, _staged, _isThere) = (memory, staged, false);
        }
        catch (DeviceException)
        {
            device.Free(memory);
            throw;
        }
    }

    private void Put(ReadOnlySpan<int> values, Span<int> staged)
    {
        if (_isThere && staged[..values.Length].SequenceEqual(values))
            return;
        values.CopyTo(staged);
        _isThere = false;
    }

    private void PutStarts(ReadOnlySpan<int> rowsPerStep, Span<int> staged)
    {
        for (int step = 0, start = 0; step < rowsPerStep.Length; start += rowsPerStep[step], step++)
        {
            _isThere &= staged[step] == start;
            staged[step] = start;
        }
    }

    private ArrayView<int> Part(int from, int length) => _memory is null ? default : _memory.View.BaseView.SubView(from, length);
}
