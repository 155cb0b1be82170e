using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Commands;

/// <summary>
/// Who takes part in a command. An absent backend is listed with its reason, one whose device fails on the way drops out
/// with its own, and the others go on.
/// </summary>
internal sealed class BackendSelection
{
    private const string Everyone = "all";

    private readonly HashSet<Backend> _mustRun;
    private readonly Dictionary<Backend, string> _failed = [];

    /// <param name="names">As given to <c>--backend</c>; empty for <paramref name="byDefault"/>.</param>
    /// <param name="byDefault">Who takes part when nobody is named.</param>
    public BackendSelection(IReadOnlyList<string> names, IReadOnlyList<Backend> byDefault)
    {
        Backends = names.Count == 0 ? byDefault : BackendList.Select(names);
        // "all" means all there are; a name means that one.
        _mustRun = [.. BackendList.Select(names.Where(n => !string.Equals(n, Everyone, StringComparison.OrdinalIgnoreCase)))];
    }

    public IReadOnlyList<Backend> Backends { get; }

    /// <summary>Those that can run and have not failed.</summary>
    public IReadOnlyList<Backend> Ready => [.. Backends.Where(b => ReasonOf(b) is null)];

    public IReadOnlyList<UnavailableEntry> Unavailable =>
        [.. from backend in Backends let reason = ReasonOf(backend) where reason is not null select new UnavailableEntry(backend.Name, reason)];

    /// <summary>Why a backend does not take part; null if it does.</summary>
    public string? ReasonOf(Backend backend) => backend.UnavailableReason ?? _failed.GetValueOrDefault(backend);

    /// <summary>Lets a backend work; if its device fails, it drops out.</summary>
    public void Let(Backend backend, Action work)
    {
        try
        {
            work();
        }
        catch (DeviceException e)
        {
            _failed[backend] = e.Message;
        }
    }

    /// <summary>Tells, in one line, who was named and is absent, or failed. simd is absent only when a wrong width was forced.</summary>
    /// <returns>The exit code that it makes.</returns>
    public int Report(Session session)
    {
        string[] lines = [.. Backends
            .Where(b => _failed.ContainsKey(b) || (!b.IsAvailable && (_mustRun.Contains(b) || b == Backend.Simd)))
            .Select(b => _failed.GetValueOrDefault(b) ?? $"backend '{b.Name}' is not available here: {b.UnavailableReason}")];
        if (lines.Length == 0)
            return ExitCode.Ok;
        session.Fail(string.Join("; ", lines));
        return ExitCode.Failure;
    }
}
