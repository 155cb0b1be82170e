using System.Globalization;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// Floats in a device's memory, for callers whose data live there. Made by <see cref="GpuBackend.Allocate"/>; may be
/// longer than what a call needs. Not initialised.
/// </summary>
public sealed class DeviceBuffer : IDisposable
{
    private readonly GpuDevice _device;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _memory;
    private bool _disposed;

    internal DeviceBuffer(GpuBackend backend, GpuDevice device, long length)
    {
        (Backend, _device, Length) = (backend, device, length);
        using Lock.Scope _ = device.Enter();
        _memory = device.Allocate<float>(length, "a buffer");
    }

    /// <summary>Whose memory it is.</summary>
    public GpuBackend Backend { get; }

    /// <summary>Floats.</summary>
    public long Length { get; }

    /// <summary>Copies from the host to the first floats, and waits for it.</summary>
    /// <param name="source">At most <see cref="Length"/> floats.</param>
    /// <param name="stream">The stream to copy in; the device's default one when null.</param>
    /// <exception cref="ArgumentException">The source is longer than the buffer.</exception>
    /// <exception cref="DeviceException">The driver failed.</exception>
    public void CopyFrom(ReadOnlySpan<float> source, GpuStream? stream = null)
    {
        Require(nameof(source), source.Length);
        using Lock.Scope _ = _device.Enter();
        AcceleratorStream queue = GpuStream.Of(stream, _device);
        try
        {
            Transfer.ToDevice(_device, queue, source, View(Length));
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure($"copy {source.Length} floats to the device", e);
        }
    }

    /// <summary>Copies the first floats to the host, and waits for all that the stream had to do before.</summary>
    /// <param name="destination">At most <see cref="Length"/> floats.</param>
    /// <param name="stream">The stream to copy in: the one whose work wrote the buffer.</param>
    /// <exception cref="ArgumentException">The destination is longer than the buffer.</exception>
    /// <exception cref="DeviceException">The driver failed.</exception>
    public void CopyTo(Span<float> destination, GpuStream? stream = null)
    {
        Require(nameof(destination), destination.Length);
        using Lock.Scope _ = _device.Enter();
        AcceleratorStream queue = GpuStream.Of(stream, _device);
        try
        {
            Transfer.ToHost(_device, queue, View(Length), destination);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure($"copy {destination.Length} floats from the device", e);
        }
    }

    /// <summary>Gives the memory back; work that uses it must have been waited for. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Free(_memory);
    }

    /// <summary>Where it lies, as the device counts.</summary>
    internal IntPtr Address => _memory.NativePtr;

    /// <summary>The first floats, for a kernel of the same device.</summary>
    internal ArrayView<float> View(long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _memory.View.BaseView.SubView(0, length);
    }

    /// <summary>Refuses a buffer that is too short or another device's.</summary>
    internal void Require(string what, GpuDevice device, string dimensions, params ReadOnlySpan<int> factors)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!ReferenceEquals(device, _device))
            throw new ArgumentException($"{what} lies on {Backend.Name}, another device than the layer.", what);
        int needed = Extents.Elements(what, factors);
        if (needed > Length)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{what} has {Length} floats, needs {needed} ({dimensions})."), what);
    }

    private void Require(string what, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (length > Length)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{what} has {length} floats, the buffer {Length}."), what);
    }
}
