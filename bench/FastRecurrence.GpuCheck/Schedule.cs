using FastRecurrence.Gpu;

namespace FastRecurrence.GpuCheck;

/// <summary>
/// Which part may run until when: parts share the minutes by <see cref="Part.Share"/>, each ends at the sum of the shares up to its own, and what one
/// leaves is the next one's. So nothing early eats what comes later.
/// </summary>
internal static class Schedule
{
    /// <summary>Parts in order with the end of each. The first backend has all parts, further ones only what verifies, after the first one's.</summary>
    public static IReadOnlyList<(Part Part, GpuBackend Backend, TimeSpan End)> Of(IReadOnlyList<Part> parts, IReadOnlyList<GpuBackend> backends, TimeSpan whole)
    {
        // Beyond CUDA no grid is promised, and both directions in one launch is a grid's; one device that was named is a rehearsal.
        bool Takes(GpuBackend backend, Part part) =>
            part != Part.VerifyDirections || backend.DeviceKind == DeviceKind.Cuda || backends.Count == 1;

        (Part Part, GpuBackend Backend)[] work =
        [
            .. from part in parts
               from backend in part.Verifies ? backends : backends.Take(1)
               where Takes(backend, part)
               select (part, backend),
        ];
        double all = work.Sum(w => w.Part.Share), sum = 0;
        return [.. work.Select(w => (w.Part, w.Backend, whole * ((sum += w.Part.Share) / all)))];
    }
}
