using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Choosing a backend in code: by timing, with the reasons as data.</summary>
[Collection("devices")]
public sealed class BackendChoiceTests
{
    [Fact]
    public void Every_backend_is_timed_or_says_why_not_and_the_fastest_is_chosen()
    {
        BackendChoice choice = BackendChoice.Measure(LayerShape.Lstm(8, 16), batchSize: 2);
        Assert.Equal(GpuBackends.All.Prepend(Backend.Simd), choice.Candidates.Select(c => c.Backend));
        Assert.All(choice.Candidates, c => Assert.True(c.StepMicroseconds > 0 ^ c.Reason is not null, c.ToString()));
        Assert.Equal(choice.Candidates.MinBy(c => c.StepMicroseconds ?? double.PositiveInfinity)!.Backend, choice.Best);
        Assert.NotNull(choice.Candidates[0].StepMicroseconds);
        foreach (BackendCandidate absent in choice.Candidates.Where(c => !c.Backend.IsAvailable))
            Assert.Equal(absent.Backend.UnavailableReason, absent.Reason);
        Assert.StartsWith(choice.Best.Name + ": ", choice.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>("batchSize", () => BackendChoice.Measure(LayerShape.Lstm(8, 16), 0));
        Assert.Throws<ArgumentOutOfRangeException>("sequenceLength", () => BackendChoice.Measure(LayerShape.Lstm(8, 16), 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => BackendChoice.Measure(LayerShape.Lstm(8, 16), int.MaxValue));
    }
}
