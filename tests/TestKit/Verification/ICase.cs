using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Verification;

/// <summary>A problem with its exact result, made once and put to every backend.</summary>
internal interface ICase
{
    /// <summary>Runs the problem and holds what the backend gives against the reference.</summary>
    /// <exception cref="NotSupportedException">The backend does not run such a problem; nothing is checked.</exception>
    void Verify(Backend backend, VerifiedCell found);

    public static ICase Of(ProblemSize size, int seed) => size.IsPlain ? new Case(size, seed) : new StackCase(size, seed);
}
