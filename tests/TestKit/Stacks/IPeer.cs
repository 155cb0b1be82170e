namespace FastRecurrence.TestKit.Stacks;

/// <summary>
/// Another library that a sweep times beside this one. Implementations live in the optional assembly FastRecurrence.Peers, which brings the libraries.
/// </summary>
internal interface IPeer
{
    /// <summary>As <c>--peers</c>, tables and JSON name it.</summary>
    string Name { get; }

    /// <summary>The library's version.</summary>
    string Version { get; }

    /// <summary>Prepares a problem at the library's best: weights constant, memory bound once.</summary>
    /// <exception cref="NotSupportedException">The peer does not run such a problem.</exception>
    IRunner Create(StackData data, int threads);
}
