using FastRecurrence.Cpu;

namespace FastRecurrence.Tests.Bits;

/// <summary>What is derived from the caches' sizes, and that it changes no bit.</summary>
[Collection(nameof(OneAtATime))]
public sealed class TuningTests
{
    private static readonly CacheSizes Zen4 = new(32 << 10, 1 << 20, 32 << 20), Zen5 = new(48 << 10, 1 << 20, 32 << 20);

    [Theory]
    [InlineData("4,64,256")]
    [InlineData("32,1024,32768")]
    [InlineData("48,1024,32768")]
    [InlineData("192,8192,65536")]
    public void Other_caches_give_the_same_bits(string caches)
    {
        Tuning before = Tuning.Current;
        Tuning.Current = new Tuning(CacheSizes.OfThisMachine(caches));
        try
        {
            Dictionary<string, string> recorded = RecordedBitsTests.Recorded();
            using var team = new WorkerTeam(2);
            foreach (BitProblem problem in BitProblem.All().Where(p => p.Format == WeightFormat.Float32))
                Assert.Equal((problem.Id, recorded[problem.Id]), (problem.Id, BitProblem.Text(problem.Hash(Backend.Simd, team))));
        }
        finally
        {
            Tuning.Current = before;
        }
    }

    [Fact]
    public void What_is_derived_for_two_known_processors()
    {
        Tuning zen4 = new(Zen4), zen5 = new(Zen5);
        Assert.Equal((96, 12288), (zen4.RowsPerBlock, zen4.PanelSliceFloats));
        Assert.Equal((96, 12288), (zen5.RowsPerBlock, zen5.PanelSliceFloats));
        Assert.Equal(CacheLevel.Near, zen4.LevelOf(1 << 20));
        Assert.Equal(CacheLevel.Third, zen4.LevelOf((1 << 20) + 1));
        Assert.Equal(CacheLevel.Memory, zen4.LevelOf((24 << 20) + 1));
        Assert.True(Tuning.PairPanels(WeightFormat.Float32, 40 << 10));
        Assert.False(Tuning.PairPanels(WeightFormat.Float32, (40 << 10) + 1));
    }

    [Fact]
    public void The_processor_is_asked_and_the_variable_goes_before_it()
    {
        CacheSizes here = CacheSizes.OfThisMachine(null);
        Assert.InRange(here.FirstLevel, 4 << 10, 1 << 20);
        Assert.InRange(here.SecondLevel, here.FirstLevel, 1 << 30);
        Assert.InRange(here.ThirdLevel, here.SecondLevel, 1L << 40);
        Assert.Equal(Zen5, CacheSizes.OfThisMachine("48,1024,32768"));
        foreach (string wrong in (string[])["48", "48,1024", "0,1024,32768", "48;1024;32768", "48,1024,32768,1", "a,b,c"])
            Assert.Contains(CacheSizes.Variable, Assert.Throws<FormatException>(() => CacheSizes.OfThisMachine(wrong)).Message);
    }
}

/// <summary>Tests that change what others read: never beside others.</summary>
[CollectionDefinition(nameof(OneAtATime), DisableParallelization = true)]
public sealed class OneAtATime;
