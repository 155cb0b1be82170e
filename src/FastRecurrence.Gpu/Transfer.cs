using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>
/// Copies between spans and device memory, in stream order. The caller keeps the span pinned until the stream is
/// synchronised: a driver may read or write it later.
/// </summary>
internal static class Transfer
{
    /// <summary>Host to device.</summary>
    public static void ToDevice(AcceleratorStream stream, ReadOnlySpan<float> source, ArrayView<float> destination)
    {
        if (!source.IsEmpty) // ILGPU's own span overload allocates
            destination.SubView(0, source.Length).CopyFromCPUUnsafeAsync(stream, ref MemoryMarshal.GetReference(source), source.Length);
    }

    /// <summary>Device to host.</summary>
    public static void ToHost(AcceleratorStream stream, ArrayView<float> source, Span<float> destination)
    {
        if (!destination.IsEmpty)
            source.SubView(0, destination.Length).CopyToCPUUnsafeAsync(stream, ref MemoryMarshal.GetReference(destination), destination.Length);
    }
}
