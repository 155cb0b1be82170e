namespace FastRecurrence.Cli.Commands;

/// <summary>A backend that was named and is absent is a failure, said in one line; the others run all the same.</summary>
internal static class Absence
{
    /// <returns><see cref="ExitCode.Failure"/> if any of the named backends is absent.</returns>
    public static int Report(Session session, IEnumerable<Backend> named)
    {
        Backend[] absent = [.. named.Where(b => !b.IsAvailable)];
        if (absent.Length == 0)
            return ExitCode.Ok;
        session.Fail(string.Join("; ", absent.Select(b => $"backend '{b.Name}' is not available here: {b.UnavailableReason}")));
        return ExitCode.Failure;
    }
}
