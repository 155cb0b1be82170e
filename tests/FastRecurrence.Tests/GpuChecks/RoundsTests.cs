using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;
using FastRecurrence.Measuring;

namespace FastRecurrence.Tests.GpuChecks;

/// <summary>How often gpu-check runs what it times.</summary>
public sealed class RoundsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1_000, false, 60, 7 * 5, 1 + 7)] // 5 ms a round; the round that told so does not count
    [InlineData(10, false, 60, 7 * 20, 1 + 7)]
    [InlineData(20_000, false, 60, 7, 1 + 7)]
    [InlineData(60_000, false, 60, 4, 4)] // long sequences: fewer rounds, and the first counts
    [InlineData(1_000, true, 60, 7, 7)]
    [InlineData(1_000, false, 0, 5, 2)] // out of time: one round that counts
    [InlineData(60_000, false, 0, 1, 1)]
    public void Rounds_follow_the_length_of_a_sequence_and_the_time(double microseconds, bool quick, double seconds, int samples, int calls)
    {
        int called = 0;
        CheckRecord record = Rounds.Take(Visit(quick, seconds), new CheckRecord { Part = "lstm" }, Ours, torch: null);
        Assert.Equal(samples, record.Host!.Samples);
        Assert.Equal(microseconds / (quick ? 8 : 100), record.Host.Median, 1e-9); // of a step
        Assert.Equal(microseconds / 2 / (quick ? 8 : 100), record.Device!.Median, 1e-9);
        Assert.Equal(calls, called);
        Assert.Null(record.TorchMode);

        void Ours(int repeats, List<double> host, List<double> device)
        {
            called++;
            host.AddRange(Enumerable.Repeat(microseconds, repeats));
            device.AddRange(Enumerable.Repeat(microseconds / 2, repeats));
        }
    }

    [Fact]
    public void A_piece_that_fails_is_noted_and_a_refusal_is_no_failure()
    {
        Visit visit = Visit(quick: true, seconds: 60);
        visit.Attempt(visit.Record() with { H = 8 }, () => throw new NotSupportedException("no such kernel"));
        Assert.True(visit.Journal.IsRight);
        visit.Attempt(visit.Record() with { H = 9 }, () => throw new FormatException("odd"));
        Assert.False(visit.Journal.IsRight);
        Assert.Equal([(8, "refused: no such kernel"), (9, "FAILED, FormatException: odd")], visit.Journal.Document.Records.Select(r => (r.H!.Value, r.Note!)));
        Assert.Contains("- lstm: H=9 FAILED, FormatException: odd", Markdown.Render(visit.Journal.Document), StringComparison.Ordinal);
    }

    private Visit Visit(bool quick, double seconds)
    {
        var options = new Options(null, quick, 1, [Part.Lstm], [], _folder.Path, Rounds: 7, null);
        var journal = new Journal(_folder.Path, new CheckDocument("", "", null, null, null, Machine.Here, []), TextWriter.Null);
        GpuBackend emulator = GpuBackends.All.Single(b => b.DeviceKind == DeviceKind.Emulator);
        return new Visit(Part.Lstm, emulator, options, journal, Torch: null, TimeSpan.FromSeconds(seconds));
    }
}
