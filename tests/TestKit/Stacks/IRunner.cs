namespace FastRecurrence.TestKit.Stacks;

/// <summary>One problem prepared on something that can run it: a backend of this library, or a peer.</summary>
internal interface IRunner : IDisposable
{
    /// <summary>Puts the problem's first h and c back; after that the next <see cref="Run"/> gives the result that is checked.</summary>
    void Restart();

    /// <summary>The first <paramref name="steps"/> steps in one call, from where the last call left the state.</summary>
    void Run(int steps);

    /// <summary>What the last call wrote, <c>[T, N, H]</c>, twice H in both directions.</summary>
    ReadOnlySpan<float> Output { get; }

    /// <summary>On a device: runs all steps so many times without transfers and returns the seconds of one. Null on a CPU.</summary>
    Func<int, double>? Kernels { get; }
}
