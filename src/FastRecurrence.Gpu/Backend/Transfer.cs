using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// Copies between host memory and the device, in stream order. ILGPU takes a reference, lets the driver copy later, and
/// pins nothing in between: a garbage collection that moved the array would give the device other bytes. So a copy
/// either waits here, pinned, or takes a pointer, which only a caller who has pinned it can have.
/// </summary>
internal static unsafe class Transfer
{
    /// <summary>Host to device, complete on return.</summary>
    public static void ToDevice(GpuDevice device, AcceleratorStream stream, ReadOnlySpan<float> source, ArrayView<float> destination)
    {
        fixed (float* pinned = source)
        {
            Enqueue(device, stream, pinned, source.Length, destination);
            stream.Synchronize();
        }
    }

    /// <summary>Device to host, complete on return.</summary>
    public static void ToHost(GpuDevice device, AcceleratorStream stream, ArrayView<float> source, Span<float> destination)
    {
        fixed (float* pinned = destination)
        {
            Enqueue(device, stream, source, pinned, destination.Length);
            stream.Synchronize();
        }
    }

    /// <summary>Host to device; the source stays pinned until the stream is synchronised.</summary>
    public static void Enqueue(GpuDevice device, AcceleratorStream stream, float* source, int length, ArrayView<float> destination)
    {
        if (length == 0)
            return;
        destination.SubView(0, length).CopyFromCPUUnsafeAsync(stream, ref *source, length); // ILGPU's own span overload allocates
        device.Transfers.Uploads++;
    }

    /// <summary>Device to host; the destination stays pinned until the stream is synchronised.</summary>
    public static void Enqueue(GpuDevice device, AcceleratorStream stream, ArrayView<float> source, float* destination, int length)
    {
        if (length == 0)
            return;
        source.SubView(0, length).CopyToCPUUnsafeAsync(stream, ref *destination, length);
        device.Transfers.Downloads++;
    }
}
