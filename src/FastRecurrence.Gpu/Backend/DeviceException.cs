namespace FastRecurrence.Gpu;

/// <summary>
/// A device refused what was asked of it: memory that it does not have, a kernel that its driver does not compile, a
/// launch that failed. The driver's own exception is the inner one.
/// </summary>
public sealed class DeviceException : Exception
{
    internal DeviceException(string backend, string attempted, long requestedBytes, Exception inner)
        : base(Compose(backend, attempted, requestedBytes, inner), inner)
    {
        Backend = backend;
        RequestedBytes = requestedBytes;
    }

    /// <summary>The backend's name, such as <c>cuda:0</c>.</summary>
    public string Backend { get; }

    /// <summary>Bytes of device memory that were asked for; 0 when memory was not the matter.</summary>
    public long RequestedBytes { get; }

    private static string Compose(string backend, string attempted, long requestedBytes, Exception inner)
    {
        string bytes = requestedBytes > 0 ? FormattableString.Invariant($" ({requestedBytes} bytes of device memory)") : "";
        return $"Backend '{backend}' failed to {attempted}{bytes}: {inner.Message}";
    }
}
