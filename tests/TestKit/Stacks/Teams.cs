namespace FastRecurrence.TestKit.Stacks;

/// <summary>A team for each number of threads, made when first wanted and kept: its threads are then warm for the next problem.</summary>
internal sealed class Teams(bool pin) : IDisposable
{
    private readonly Dictionary<int, WorkerTeam> _teams = [];

    /// <summary>Null for one thread, the caller's.</summary>
    public WorkerTeam? Of(int threads)
    {
        if (threads == 1)
            return null;
        if (!_teams.TryGetValue(threads, out WorkerTeam? team))
            _teams[threads] = team = new WorkerTeam(threads, pin);
        return team;
    }

    public void Dispose()
    {
        foreach (WorkerTeam team in _teams.Values)
            team.Dispose();
    }
}
