using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// Host memory that rows pass through on their way to or from a device where they do not lie in the device's order, or are few: then it is page-locked
/// memory, which the device copies by itself and for which ILGPU allocates nothing. Dense rows in large numbers go the driver's own way, which is as good.
/// Call all of it inside <see cref="GpuDevice.Enter"/>.
/// </summary>
internal sealed unsafe class StagingBuffer(GpuDevice device) : IDisposable
{
    /// <summary>The most that is page-locked.</summary>
    private const long StagedBytes = 4L << 20;

    private PageLockedArray1D<float>? _locked;
    private float[] _pinned = [];

    /// <summary>Locks memory for so many floats, or as many as it may be.</summary>
    /// <exception cref="DeviceException">The host has too little memory to lock.</exception>
    public void Reserve(long floats)
    {
        long length = Math.Clamp(floats, 1, StagedBytes / sizeof(float));
        if (_locked is not null && _locked.Length >= length)
            return;
        PageLockedArray1D<float> grown = device.AllocatePageLocked<float>(length);
        device.Free(_locked);
        _locked = grown;
    }

    /// <summary>
    /// Enqueues the copy of rows of <paramref name="source"/>, each <paramref name="width"/> floats, which the caller keeps pinned until the queue is
    /// synchronised.
    /// </summary>
    public void Upload(AcceleratorStream queue, in SortedSequence sequence, in PackedRows rows, ReadOnlySpan<float> source, int width, ArrayView<float> target)
    {
        int count = rows.Count * width;
        if (IsDirect(sequence, count, width, width))
        {
            fixed (float* from = source)
                Transfer.Enqueue(device, queue, from + (long)rows.First * width, count, target);
            return;
        }

        rows.Gather(sequence, source, Room(count), width);
        if (!Fits(count))
        {
            fixed (float* from = _pinned)
                Transfer.Enqueue(device, queue, from, count, target);
        }
        else if (count > 0)
        {
            // One copy: OpenCL moves all of page-locked memory, whatever part is asked for.
            ArrayView<float> part = target.SubView(0, count);
            _locked!.ArrayView.SubView(0, count).CopyTo(queue, part);
            device.Transfers.Uploads++;
        }
    }

    /// <summary>
    /// Enqueues the copy of rows to where <see cref="Unpack"/> takes them from, or right to <paramref name="destination"/>, which the caller keeps pinned
    /// until the queue is synchronised.
    /// </summary>
    public void Download(
        AcceleratorStream queue, in SortedSequence sequence, in PackedRows rows, ArrayView<float> source, Span<float> destination, int width, int stride)
    {
        int count = rows.Count * width;
        if (destination.IsEmpty || count == 0)
            return;
        if (IsDirect(sequence, count, width, stride))
        {
            fixed (float* to = destination)
                Transfer.Enqueue(device, queue, source, to + (long)rows.First * width, count);
        }
        else if (Fits(count))
        {
            ArrayView<float> part = _locked!.ArrayView.SubView(0, count);
            source.SubView(0, count).CopyTo(queue, part);
            device.Transfers.Downloads++;
        }
        else
        {
            Room(count);
            fixed (float* to = _pinned)
                Transfer.Enqueue(device, queue, source, to, count);
        }
    }

    /// <summary>Brings rows that were downloaded to where the caller wants them; the queue must have been synchronised.</summary>
    public void Unpack(in SortedSequence sequence, in PackedRows rows, Span<float> destination, int width, int stride)
    {
        int count = rows.Count * width;
        if (!destination.IsEmpty && !IsDirect(sequence, count, width, stride))
            rows.Scatter(sequence, Room(count), destination, width, stride);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        device.Free(_locked);
        _pinned = [];
    }

    private bool Fits(int count) => _locked is not null && count <= _locked.Length;

    private bool IsDirect(in SortedSequence sequence, int count, int width, int stride) => sequence.Places.IsEmpty && stride == width && !Fits(count);

    private Span<float> Room(int count)
    {
        if (Fits(count))
            return _locked!.Span[..count];
        if (_pinned.Length < count)
            _pinned = GC.AllocateUninitializedArray<float>(count, pinned: true);
        return _pinned.AsSpan(0, count);
    }
}
