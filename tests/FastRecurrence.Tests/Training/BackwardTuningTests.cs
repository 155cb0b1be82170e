using FastRecurrence.Cpu;
using FastRecurrence.Tests.Bits;

namespace FastRecurrence.Tests.Training;

/// <summary>The blocks of rows and the slices of panels come from the caches' sizes: gradients do not depend on them.</summary>
[Collection(nameof(OneAtATime))]
public sealed class BackwardTuningTests
{
    [Theory]
    [InlineData("4,64,256")]
    [InlineData("192,8192,65536")]
    public void Other_caches_give_the_same_bits(string caches)
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(60, 70), LayerShape.Gru(3, 33), LayerShape.Elman(110, 20), LayerShape.Lstm(30, 140) with { ProjectionSize = 67 }])
        {
            var p = new BackwardProblem(shape, 5, 50);
            Tuning before = Tuning.Current;
            Tuning.Current = new Tuning(new CacheSizes(32 << 10, 1 << 20, 32 << 20));
            try
            {
                Dictionary<string, float[]> expected = p.Run(Backend.Simd);
                Tuning.Current = new Tuning(CacheSizes.OfThisMachine(caches));
                BackwardTests.AssertSameBits(p, caches, expected, p.Run(Backend.Simd));
            }
            finally
            {
                Tuning.Current = before;
            }
        }
    }
}
