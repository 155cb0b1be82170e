using System.Globalization;

namespace FastRecurrence.Orleans;

/// <summary>How a <see cref="ClusterStream"/> bears with silos and storages that do not answer.</summary>
public sealed class ClusterStreamClientOptions
{
    /// <summary>How long a call is tried again before it fails. It must be longer than the cluster needs to notice a dead silo.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long one try may take; asking twice is harmless, since frames have numbers.</summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The pause after the first failed try; it doubles from try to try, up to a second.</summary>
    public TimeSpan FirstPause { get; set; } = TimeSpan.FromMilliseconds(20);

    internal static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    internal ClusterStreamClientOptions Checked()
    {
        foreach ((string name, TimeSpan value) in (ReadOnlySpan<(string, TimeSpan)>)
            [(nameof(Patience), Patience), (nameof(AttemptTimeout), AttemptTimeout), (nameof(FirstPause), FirstPause)])
        {
            if (value <= TimeSpan.Zero)
            {
                throw new ArgumentException(
                    string.Create(CultureInfo.InvariantCulture, $"{nameof(ClusterStreamClientOptions)}.{name} is {value}; it must be positive."));
            }
        }

        return this;
    }
}
