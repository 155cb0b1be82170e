using System.CommandLine;
using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck;

namespace FastRecurrence.Tests.GpuChecks;

/// <summary>What <c>gpu-check run</c> makes of its command line, and how parts share the time.</summary>
[Collection("devices")]
public sealed class GpuCheckOptionsTests
{
    [Fact]
    public void Without_options_every_part_runs_for_nine_minutes()
    {
        Options options = Parse("--out x")!;
        Assert.Null(options.Device);
        Assert.False(options.Quick);
        Assert.Equal(9, options.Minutes);
        Assert.Equal(Part.All, options.Parts);
        Assert.Empty(options.Sizes);
        Assert.Equal(7, options.Rounds);
        Assert.Equal(100, options.T);
    }

    [Fact]
    public void Every_option_is_taken()
    {
        Options options = Parse("--device opencl:0 --quick --minutes 2.5 --only verify,torch,lstm --sizes 512x8,256x1,512x8"
            + " --out somewhere --repeats 3 --commit abc")!;
        Assert.Equal("opencl:0", options.Device);
        Assert.True(options.Quick);
        Assert.Equal(2.5, options.Minutes);
        Assert.Equal([Part.Lstm, Part.Verify, Part.Torch], options.Parts); // in the order in which they run
        Assert.Equal([(256, 1), (512, 8)], options.Sizes);
        Assert.Equal("somewhere", options.Folder);
        Assert.Equal(3, options.Rounds);
        Assert.Equal("abc", options.Commit);
    }

    [Theory]
    [InlineData("--only lstm,gpu", "'gpu' is no part; there are lstm, elman, gru")]
    [InlineData("--sizes 256", "'256' is no size; H and N are wanted, such as 256x1")]
    [InlineData("--sizes 256x0", "'256x0' is no size")]
    [InlineData("--sizes 8x1,4x-1", "'4x-1' is no size")]
    [InlineData("--minutes 0", "more than 0 minutes")]
    [InlineData("--repeats 0", "1 or more")]
    [InlineData("--repeat 3", "'--repeat'")]
    public void What_is_not_understood_is_named(string line, string message)
    {
        Command command = Options.Command(_ => throw new InvalidOperationException("It ran."));
        Assert.Contains(command.Parse(line).Errors, e => e.Message.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_part_leaves_is_the_next_ones_and_the_last_ends_in_time()
    {
        GpuBackend emulator = GpuBackends.All.Single(b => b.DeviceKind == DeviceKind.Emulator);
        TimeSpan whole = TimeSpan.FromMinutes(9);
        TimeSpan[] ends = [.. Schedule.Of(Part.All, [emulator], whole).Select(s => s.End)];
        Assert.Equal(ends.Distinct().Order(), ends);
        Assert.Equal(whole.TotalSeconds, ends[^1].TotalSeconds, 1e-3);
        // Alone, a part has it all.
        Assert.Equal(whole.TotalSeconds, Schedule.Of([Part.Verify], [emulator], whole).Single().End.TotalSeconds, 1e-3);
    }

    [Fact]
    public void A_second_device_is_verified_and_not_timed()
    {
        GpuBackend emulator = GpuBackends.All.Single(b => b.DeviceKind == DeviceKind.Emulator);
        Part[] parts = [.. Schedule.Of(Part.All, [emulator, emulator], TimeSpan.FromMinutes(1)).Select(s => s.Part)];
        Assert.Single(parts, Part.Lstm);
        Assert.Equal(2, parts.Count(p => p == Part.Verify));
        Assert.DoesNotContain(Part.VerifyDirections, parts); // the second is beyond CUDA, where no grid is promised; so is the emulator
    }

    private static Options? Parse(string line)
    {
        Options? options = null;
        Command command = Options.Command(o =>
        {
            options = o;
            return 0;
        });
        ParseResult parsed = command.Parse(line);
        Assert.Empty(parsed.Errors);
        parsed.Invoke();
        return options;
    }
}
