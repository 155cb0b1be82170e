namespace FastRecurrence.Threading;

/// <summary>Work that a team shares.</summary>
internal interface ITeamWork
{
    /// <summary>The part of one worker; called on its thread.</summary>
    void Execute(int worker);
}
