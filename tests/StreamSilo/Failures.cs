using Orleans.Configuration;
using StackExchange.Redis;

namespace FastRecurrence.StreamSilo;

/// <summary>How soon a dead silo is noticed, and how a stopped Redis is borne with; the same in silos and clients.</summary>
internal static class Failures
{
    /// <summary>A silo that misses two probes of half a second is dead.</summary>
    public static void Notice(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
        options.NumMissedProbesLimit = 2;
        options.NumVotesForDeathDeclaration = 1;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(2);
    }

    /// <summary>Fails fast and connects again.</summary>
    public static ConfigurationOptions Redis(int port) => new()
    {
        EndPoints = { { "127.0.0.1", port } },
        AbortOnConnectFail = false,
        ConnectTimeout = 2000,
        SyncTimeout = 2000,
        AsyncTimeout = 2000,
    };
}
