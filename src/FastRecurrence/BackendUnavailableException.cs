namespace FastRecurrence;

/// <summary>A backend was asked to work where it cannot: the device, its driver or a library is missing.</summary>
public sealed class BackendUnavailableException : Exception
{
    /// <summary>Names the backend and the reason.</summary>
    public BackendUnavailableException(string backend, string reason)
        : base($"Backend '{backend}' is not available here: {reason}")
    {
        Backend = backend;
        Reason = reason;
    }

    /// <summary>The backend's name.</summary>
    public string Backend { get; }

    /// <summary>Why it cannot run.</summary>
    public string Reason { get; }
}
