using FastRecurrence.Cpu;

namespace FastRecurrence.Tests.Simd;

public sealed class IsaDispatchTests
{
    [Fact]
    public void Names_are_the_documented_ones() =>
        Assert.Equal(["reference", "scalar", "simd-128", "simd-256", "simd-512", "simd-vector"], Backend.All.Select(b => b.Name));

    [Theory]
    [InlineData("simd-128", "simd-128")]
    [InlineData("256", "simd-256")]
    [InlineData("SIMD-512", "simd-512")]
    [InlineData("vector", "simd-vector")]
    [InlineData("scalar", "scalar")]
    public void A_rung_can_be_forced(string forced, string expected) => Assert.Equal(expected, IsaDispatch.Choose(forced).Name);

    [Fact]
    public void The_choice_is_an_accelerated_rung() => Assert.DoesNotContain("emulated", IsaDispatch.Choose(null).Description);

    [Fact]
    public void The_description_says_so_where_the_instruction_is_missing()
    {
        bool missing = !System.Runtime.Intrinsics.X86.Fma.IsSupported && !System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported;
        Assert.All(Backend.All.Where(b => b != Backend.Reference), b => Assert.Equal(missing, b.Description.Contains("no fused multiply-add instruction")));
        if (missing && System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated)
            Assert.Equal("simd-128", IsaDispatch.Choose(null).Name);
    }

    [Fact]
    public void An_unknown_rung_is_refused_with_the_list_and_never_replaced()
    {
        Backend backend = IsaDispatch.Choose("avx1024");
        Assert.False(backend.IsAvailable);
        var e = Assert.Throws<BackendUnavailableException>(() => backend.Prepare(LayerWeights.Random(LayerShape.Lstm(1, 1), 1)));
        Assert.Contains("FASTRECURRENCE_SIMD=avx1024", e.Message);
        Assert.Contains("simd-256", e.Message);
    }
}
