using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// Work that a device does in order. States made on different streams may overlap on the device; who reads in one stream
/// what another wrote waits with <see cref="Synchronize"/> in between. Made by <see cref="GpuBackend.CreateStream"/>.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "A stream is what every GPU programmer calls it.")]
public sealed class GpuStream : IDisposable
{
    private readonly GpuDevice _device;
    private readonly AcceleratorStream _queue;
    private bool _disposed;

    internal GpuStream(GpuBackend backend, GpuDevice device)
    {
        (Backend, _device) = (backend, device);
        using Lock.Scope _ = device.Enter();
        _queue = device.CreateStream();
    }

    /// <summary>Whose stream it is.</summary>
    public GpuBackend Backend { get; }

    /// <summary>Waits until the device has done all of it.</summary>
    /// <exception cref="DeviceException">Some of the work failed.</exception>
    public void Synchronize()
    {
        using Lock.Scope _ = _device.Enter();
        try
        {
            Of(this, _device).Synchronize();
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("finish a stream's work", e);
        }
    }

    /// <summary>Marks this point of the stream: the device notes the time when it gets there.</summary>
    /// <exception cref="DeviceException">The driver failed.</exception>
    public DeviceMark Mark()
    {
        using Lock.Scope _ = _device.Enter();
        try
        {
            return new DeviceMark(_device, Of(this, _device).AddProfilingMarker());
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("mark a point of a stream", e);
        }
    }

    /// <summary>Waits for the work, then gives the stream back. States on it cannot be used any more. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Free(_queue);
    }

    /// <summary>The queue of a stream, or the device's own for none.</summary>
    internal static AcceleratorStream Of(GpuStream? stream, GpuDevice device)
    {
        if (stream is null)
            return device.DefaultStream;
        ObjectDisposedException.ThrowIf(stream._disposed, stream);
        if (!ReferenceEquals(stream._device, device))
            throw new ArgumentException($"The stream is {stream.Backend.Name}'s, not this device's.", nameof(stream));
        return stream._queue;
    }
}

/// <summary>A point of a stream, timed by the device's own clock.</summary>
public sealed class DeviceMark : IDisposable
{
    private readonly GpuDevice _device;
    private readonly ProfilingMarker _marker;

    internal DeviceMark(GpuDevice device, ProfilingMarker marker) => (_device, _marker) = (device, marker);

    /// <summary>The device's time from an earlier mark to this one; waits until the device has reached both.</summary>
    /// <exception cref="DeviceException">The driver failed.</exception>
    public TimeSpan Since(DeviceMark earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        using Lock.Scope _ = _device.Enter();
        try
        {
            return _marker.MeasureFrom(earlier._marker);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("read a mark's time", e);
        }
    }

    /// <summary>Gives the mark back. Disposing twice is harmless.</summary>
    public void Dispose() => _device.Free(_marker);
}
