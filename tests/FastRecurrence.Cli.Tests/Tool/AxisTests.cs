using FastRecurrence.Cli.Axes;

namespace FastRecurrence.Cli.Tests.Tool;

public sealed class AxisTests
{
    [Theory]
    [InlineData("8", new[] { 8 })]
    [InlineData("1,2,8", new[] { 1, 2, 8 })]
    [InlineData("8, 2,8", new[] { 8, 2 })]
    [InlineData("1..256", new[] { 1, 2, 4, 8, 16, 32, 64, 128, 256 })]
    [InlineData("3..20", new[] { 3, 6, 12 })]
    [InlineData("64..512+64", new[] { 64, 128, 192, 256, 320, 384, 448, 512 })]
    [InlineData("1..1000x10", new[] { 1, 10, 100, 1000 })]
    [InlineData("5..5", new[] { 5 })]
    [InlineData("1,16..64", new[] { 1, 16, 32, 64 })]
    [InlineData("1073741824..2147483647", new[] { 1073741824 })]
    public void An_axis_is_read(string text, int[] expected) => Assert.Equal(expected, IntegerAxis.Parse(text, atLeast: 1));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("1,")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("1..")]
    [InlineData("1..8-2")]
    [InlineData("1..8*2")]
    [InlineData("8..1")]
    [InlineData("1..8+0")]
    [InlineData("1..8x1")]
    [InlineData("0..8")]
    [InlineData("0")]
    [InlineData("99999999999")]
    [InlineData("1..2000000000+1")]
    [InlineData("٣")]
    public void What_is_no_axis_is_refused(string text) =>
        Assert.Contains('\'', Assert.Throws<FormatException>(() => IntegerAxis.Parse(text, atLeast: 1)).Message);

    [Fact]
    public void Inputs_may_be_0_or_the_hidden_size()
    {
        Assert.Equal([null], IntegerAxis.ParseOrSame("same"));
        Assert.Equal([0, 3], IntegerAxis.ParseOrSame("0,3"));
    }

    [Fact]
    public void A_sweep_is_every_combination_and_names_each()
    {
        string[] ids = [.. ProblemSize.Combine(CellName.ParseList("lstm,elman-relu"), [50], [1, 16], [null, 3], [256]).Select(p => p.Id)];
        Assert.Equal(8, ids.Length);
        Assert.Equal("lstm_t50_n1_i256_h256", ids[0]);
        Assert.Equal("lstm_t50_n16_i256_h256", ids[1]);
        Assert.Contains("elman-relu_t50_n16_i3_h256", ids);
    }

    [Fact]
    public void Skip_is_the_recurrent_work_alone() => Assert.Equal([0], IntegerAxis.ParseOrSame("skip"));

    [Fact]
    public void All_stands_for_the_processors_and_a_team_has_a_limit()
    {
        Assert.Equal([1, Environment.ProcessorCount, 77], IntegerAxis.ParseThreads("1,all,77"));
        Assert.Contains("holds 257, the largest value is 256", Assert.Throws<FormatException>(() => IntegerAxis.ParseThreads("1,257")).Message);
    }

    [Theory]
    [InlineData("lstm_t50_n16_i256_h256")]
    [InlineData("gru-resetbefore_t1_n1_i0_h8")]
    [InlineData("elman-relu_t3_n2_i5_h7_l3")]
    [InlineData("gru_t3_n2_i5_h7_l2_bi")]
    [InlineData("lstm_t3_n2_i5_h7_rev")]
    public void An_id_is_read_as_it_is_written(string id) => Assert.Equal(id, ProblemSize.Parse(id).Id);

    [Fact]
    public void Layers_and_directions_count_in_flops_and_bytes()
    {
        ProblemSize stack = ProblemSize.Parse("lstm_t10_n4_i8_h16_l2_bi");
        // First layer I = 8, second I = 2·16; each twice.
        Assert.Equal(2 * 2 * 4.0 * 16 * ((8 + 16) + (32 + 16)) * 4, stack.FlopsPerStep);
        Assert.Equal(4.0 * 2 * 2 * (4 * 16 * 16 + 4 * 16), stack.RecurrentBytes);
        Assert.Equal(4.0 * 2 * 4 * 16 * (8 + 32), stack.WeightBytes - stack.RecurrentBytes);
        Assert.Equal(4.0 * 10 * 4 * (8 + 32), stack.TransferBytes);
    }

    [Fact]
    public void Presets_have_the_published_sizes_and_no_problem_twice()
    {
        ProblemSize[] Of(string name) => [.. Preset.ParseList(name).Single().Problems];
        Assert.Equal(12 + 16 + 3 + 3 + 12 + 3 + 1 + 2, Of("deepbench-train").Length);
        Assert.Contains(ProblemSize.Parse("lstm_t25_n128_i0_h4096"), Of("deepbench-train"));
        Assert.Equal(["elman-relu_t672_n1_i0_h32", "elman-relu_t96_n1_i0_h64", "lstm_t150_n1_i0_h256"], Of("deepbench-device").Select(p => p.Id));
        Assert.Contains("lstm_t101_n2_i256_h256_bi", Of("gnmt").Select(p => p.Id));
        Assert.All(Of("audio"), p => Assert.Equal((1, 1), (p.BatchSize, p.InputSize)));
        Assert.All(Preset.All, p => Assert.Equal(p.Problems.Count, p.Problems.Distinct().Count()));
    }

    [Theory]
    [InlineData("150ms", 0.15)]
    [InlineData("10s", 10)]
    [InlineData("0.5s", 0.5)]
    public void A_duration_has_a_unit(string text, double seconds) => Assert.Equal(seconds, StopRule.ParseDuration(text).TotalSeconds, 9);
}
