using Perfolizer.Horology;

namespace FastRecurrence.Bench;

/// <summary>
/// A clock that advances only while a device computes: benchmarks tell it how long kernels took, and a suite that reads it
/// reports that time instead of the wall's. In process only, since it lives there.
/// </summary>
internal sealed class DeviceClock : IClock
{
    private long _nanoseconds;

    public static DeviceClock Instance { get; } = new();

    public string Title => "device";

    public bool IsAvailable => true;

    public Frequency Frequency { get; } = new(1e9);

    public long GetTimestamp() => _nanoseconds;

    /// <summary>Time that the device computed.</summary>
    public void Add(double seconds) => _nanoseconds += (long)(seconds * 1e9);
}
