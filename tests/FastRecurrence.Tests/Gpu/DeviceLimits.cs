using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Other limits of a device's memory, until disposed: so that small problems run in chunks, or through the host.</summary>
internal sealed class DeviceLimits : IDisposable
{
    private readonly GpuDevice _device;
    private readonly long _chunk, _sequences;

    public DeviceLimits(GpuBackend backend, long? chunkBytes = null, long? sequenceBytes = null)
    {
        _device = backend.Device;
        (_chunk, _sequences) = (_device.ChunkBytes, _device.SequenceBytes);
        (_device.ChunkBytes, _device.SequenceBytes) = (chunkBytes ?? _chunk, sequenceBytes ?? _sequences);
    }

    public void Dispose() => (_device.ChunkBytes, _device.SequenceBytes) = (_chunk, _sequences);
}
