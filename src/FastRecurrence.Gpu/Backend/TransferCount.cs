namespace FastRecurrence.Gpu;

/// <summary>
/// What went between the host and a device, and what was allocated there, since it was opened; for tests. Counted inside <see cref="GpuDevice.Enter"/>.
/// </summary>
internal sealed class TransferCount
{
    /// <summary>Copies from the host to the device, of whatever size.</summary>
    public long Uploads { get; set; }

    /// <summary>Copies from the device to the host.</summary>
    public long Downloads { get; set; }

    /// <summary>Allocations of device memory.</summary>
    public long Allocations { get; set; }
}
