using FastRecurrence.GpuCheck;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.Measuring;

namespace FastRecurrence.Tests.GpuChecks;

/// <summary>The files that gpu-check writes, and what it says of them.</summary>
public sealed class GpuCheckResultTests
{
    [Fact]
    public void A_document_comes_back_from_its_file()
    {
        CheckDocument document = Document(
            Lstm(256, 8, ours: 2, torch: 5.51) with { Device = new Spread(1.9, 1.8, 2.2, 21), Fallbacks = 0, TorchHost = new Spread(5.6, 5.5, 5.8, 21) },
            new CheckRecord { Part = "latency", H = 8, N = 1, T = 1, Calls = new CallTimes(14.5, null, 90, 100), SimdCalls = new CallTimes(0.3, 1, 4, 10_000) },
            Verified("grid", new VerificationResult(3, double.PositiveInfinity, 2e-6, 0, 1, false) { First = "x" }),
            Verified("tile", new VerificationResult(0, 0, 2e-6, 0, 0, null)),
            new CheckRecord { Part = "gru", Note = "out of time" });
        document.Torch = "torch 2.11";
        document.Verdict = "SOMETHING IS WRONG";
        CheckDocument back = CheckDocument.FromJson(document.ToJson());
        Assert.Equal(document.Records, back.Records);
        Assert.Equal((document.Commit, document.Device, document.Torch, document.Verdict), (back.Commit, back.Device, back.Torch, back.Verdict));
        Assert.Equal(Markdown.Render(document), Markdown.Render(back));
    }

    [Fact]
    public void What_is_short_of_its_target_stands_before_the_tables()
    {
        string text = Markdown.Render(Document(
            Lstm(128, 1, ours: 1, torch: 2.15), Lstm(256, 8, ours: 2, torch: 5.51), Lstm(512, 32, ours: 5, torch: 24), Lstm(96, 1, ours: 1, torch: 1)));
        Assert.Contains("Of 3 sizes that have a target, 1 reach their aim, 2 what they must. Short: 256×8 (2.75 of 3).", text, StringComparison.Ordinal);
        string[] rows = [.. text.Split('\n').Where(l => l.StartsWith('|'))];
        Assert.Contains(rows, r => Cells(r) is ["128", "1", "1.00", .., "2.15", "1.9", "2.5", "must", _, _]);
        Assert.Contains(rows, r => Cells(r) is ["256", "8", "2.00", .., "2.75", "3", "3.8", "SHORT by 1.09×", _, _]);
        Assert.Contains(rows, r => Cells(r) is ["512", "32", "5.00", .., "4.80", "3.3", "4.3", "aim", _, _]);
        Assert.Contains(rows, r => Cells(r) is ["96", "1", "1.00", .., "1.00", "", "", "", _, _]);
    }

    [Fact]
    public void A_choice_that_another_family_beats_is_named()
    {
        CheckRecord other = Lstm(512, 32, ours: 4, torch: null) with { Part = Part.Families.Name, Family = "grid" };
        string text = Markdown.Render(Document(Lstm(512, 32, ours: 5, torch: 24), other, other with { N = 1 }));
        Assert.Contains("Chosen wrong by more than 15 %: 512×32 grid 4.00 against slice 5.00.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Chosen wrong", Markdown.Render(Document(Lstm(512, 32, ours: 4.5, torch: 24), other)), StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_are_of_whole_fp32_sequences_beside_a_graph()
    {
        Assert.Equal(25, Targets.Sizes.Count());
        foreach ((int H, int N) in Targets.Sizes)
        {
            (double must, double aim) = Targets.Of(Lstm(H, N, 1, 1))!.Value;
            Assert.InRange(must, 1, aim);
        }

        Assert.Equal((1.15, 1.7), Targets.Of(Lstm(1024, 128, 1, 1)));
        Assert.Null(Targets.Of(Lstm(1024, 128, 1, 1) with { T = 8 }));
        Assert.Null(Targets.Of(Lstm(1024, 128, 1, 1) with { Format = "Bfloat16" }));
        Assert.Null(Targets.Of(Lstm(1024, 128, 1, 1) with { TorchMode = "LSTM fp32 graph bidirectional" }));
        Assert.Null(Targets.Of(Lstm(1024, 64, 1, 1)));
    }

    [Fact]
    public void A_spread_is_of_parts_of_samples()
    {
        Assert.Equal(new Spread(3, 1, 10, 3), Spread.Of([100.0, 10, 30], 10));
        Assert.Null(Spread.Of([], 10));
    }

    [Fact]
    public void The_journal_leaves_both_files_and_remembers_what_was_wrong()
    {
        using var folder = new TemporaryFolder();
        var screen = new StringWriter();
        var journal = new Journal(folder.Path, Document(), screen);
        journal.Add(Lstm(256, 8, ours: 2, torch: 5.51));
        Assert.True(journal.IsRight);
        journal.Add(Verified("grid", new VerificationResult(3, 1, 2e-6, 0, 0, false)));
        Assert.False(journal.IsRight);
        const string Line = "lstm H=256 N=8 slice 2.00 µs a step LSTM fp32 graph 5.51 = 2.75× (must 3, aim 3.8) SHORT by 1.09×";
        Assert.Contains(Line, screen.ToString(), StringComparison.Ordinal);
        Assert.Equal(journal.Document.Records, CheckDocument.FromJson(File.ReadAllText(Path.Combine(folder.Path, "gpu-check.json"))).Records);
        Assert.Equal(Markdown.Render(journal.Document), File.ReadAllText(Path.Combine(folder.Path, "gpu-check.md")));
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
    }

    private static CheckDocument Document(params CheckRecord[] records) =>
        new("2026-11-27T06:00:00Z", "gpu-check run", "abc", "cuda:0, a GPU", null, Machine.Here, ["cuda:0: a GPU"]) { Records = [.. records] };

    private static CheckRecord Lstm(int H, int N, double ours, double? torch) => new()
    {
        Part = Part.Lstm.Name,
        Backend = "cuda:0",
        Cell = "Lstm",
        Format = "Float32",
        H = H,
        N = N,
        T = 100,
        Family = "slice",
        Variant = "split-k-step",
        Host = new Spread(ours, ours, ours, 3),
        TorchMode = torch is null ? null : "LSTM fp32 graph",
        TorchDevice = torch is double t ? new Spread(t, t, t, 3) : null,
    };

    private static CheckRecord Verified(string family, VerificationResult result) => new() { Part = Part.Verify.Name, Family = family, Verification = result };

    private static string[] Cells(string row) => [.. row.Trim('|').Split('|').Select(c => c.Trim())];
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("gpu-check-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
