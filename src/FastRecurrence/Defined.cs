using System.Runtime.CompilerServices;

namespace FastRecurrence;

/// <summary>Refuses numbers that a cast has made into an enum and that the enum does not have.</summary>
internal static class Defined
{
    /// <summary>The value itself.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none of the enum's; the message lists them.</exception>
    public static T Require<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null)
        where T : struct, Enum =>
        Enum.IsDefined(value) ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{typeof(T).Name} is one of {string.Join(", ", Enum.GetNames<T>())}.");
}
