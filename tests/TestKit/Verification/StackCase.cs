using FastRecurrence.TestKit.Problems;
using FastRecurrence.TestKit.Stacks;

namespace FastRecurrence.TestKit.Verification;

/// <summary>Several layers, or another direction than forward: every output of the last layer is checked.</summary>
internal sealed class StackCase : ICase
{
    private readonly StackData _data;
    private readonly StackAnswer _exact;

    public StackCase(ProblemSize size, int seed)
    {
        _data = new StackData(size, seed);
        _exact = _data.Exact([.. Enumerable.Range(0, size.BatchSize)], size.SequenceLength);
    }

    public void Verify(Backend backend, VerifiedCell found)
    {
        using var runner = new StackRunner(backend, _data, team: null);
        runner.Restart();
        runner.Run(_data.Size.SequenceLength);
        found.Add(Locations(runner.Output.ToArray()), Tolerance.Of(backend, _exact.Deviation));
    }

    private IEnumerable<OutputLocation> Locations(float[] output)
    {
        int features = _data.Size.OutputSize, N = _data.Size.BatchSize;
        for (int i = 0; i < output.Length; i++)
            yield return new OutputLocation(_data.Size.Id, "h", i / features / N, i / features % N, i % features, _exact.Output[i], output[i]);
    }
}
