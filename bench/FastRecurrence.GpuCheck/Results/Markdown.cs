using System.Globalization;
using System.Text;

namespace FastRecurrence.GpuCheck.Results;

/// <summary>The records as a document for people, and as lines on the screen.</summary>
internal static class Markdown
{
    /// <summary>The whole of <c>gpu-check.md</c>.</summary>
    public static string Render(CheckDocument document)
    {
        var text = new StringBuilder();
        text.AppendLine("# gpu-check").AppendLine();
        text.AppendLine($"{document.Started}, commit {document.Commit ?? "unknown"}, command: {document.Command}").AppendLine();
        text.AppendLine($"- timed: {document.Device ?? "nothing"}{(document.Driver is null ? "" : $", driver {document.Driver}")}");
        text.AppendLine($"- torch: {document.Torch ?? "not asked for"}");
        text.AppendLine($"- machine: {document.Machine.Summary}");
        foreach (string backend in document.Backends)
            text.AppendLine($"- {backend}");
        text.AppendLine();
        text.AppendLine(document.Verdict ?? "Not at its end: still running, or killed.").AppendLine();
        Overtaken(text, document.Records);
        Targeted(text, document.Records);
        foreach (IGrouping<string, CheckRecord> part in document.Records.GroupBy(r => r.Part))
        {
            foreach (IGrouping<object, CheckRecord> table in part.Where(RecordTable.HasRow).GroupBy(RecordTable.KeyOf))
                RecordTable.Write(text, part.Key, [.. table]);
            CheckRecord[] notes = [.. part.Where(r => !RecordTable.HasRow(r))];
            foreach (CheckRecord record in notes)
                text.AppendLine($"- {part.Key}: {Line(record)}");
            if (notes.Length > 0)
                text.AppendLine();
        }

        return text.ToString();
    }

    /// <summary>One record on the screen.</summary>
    public static string Line(CheckRecord record) => string.Join(' ', Words(record).Where(w => w.Length > 0));

    public static string Number(double? value) => value is double number ? Digits.Places(number, 2) : "–";

    public static string Number(Spread? spread) => Number(spread?.Median);

    public static string Verdict(VerificationResult result) => result.Right switch { true => "right", false => "WRONG", _ => "not judged" };

    private static IEnumerable<string> Words(CheckRecord r)
    {
        yield return r.Cell?.ToLowerInvariant() ?? "";
        yield return r.Format is null or nameof(WeightFormat.Float32) ? "" : r.Format;
        yield return string.Create(CultureInfo.InvariantCulture, $"{(r.H is null ? "" : "H=")}{r.H}");
        yield return string.Create(CultureInfo.InvariantCulture, $"{(r.N is null ? "" : "N=")}{r.N}");
        yield return r.Family ?? "";
        if (r.Host is Spread host)
            yield return $"{Number(host)} µs a step";
        if (r.TeraFlops is double teraFlops)
            yield return $"{Digits.Places(teraFlops, 1)} TFLOP/s";
        if (r.Calls is CallTimes calls)
            yield return $"p50 {Number(calls.P50)} p99 {Number(calls.P99)} µs, simd {Number(r.SimdCalls?.P50)} {Number(r.SimdCalls?.P99)}";
        if (r.TorchDevice is Spread torch)
            yield return $"{r.TorchMode} {Number(torch)}{(r.Ratio() is double ratio ? $" = {Number(ratio)}×" : "")}";
        if (Targets.Of(r) is (double must, double aim))
            yield return $"(must {Digits.Short(must)}, aim {Digits.Short(aim)}) {Targets.Verdict(r)}";
        if (r.Verification is VerificationResult result)
            yield return string.Create(CultureInfo.InvariantCulture, $"{result.Problems} problems, worst {Digits.Error(result.Worst)}: {Verdict(result)}");
        if (r.Variant?.StartsWith("one launch", StringComparison.Ordinal) == true)
            yield return "in one launch";
        yield return r.Note ?? "";
    }

    /// <summary>What falls short of its target, before everything else.</summary>
    private static void Targeted(StringBuilder text, List<CheckRecord> records)
    {
        CheckRecord[] wanted = [.. records.Where(r => Targets.Of(r) is not null && r.Ratio() is not null)];
        if (wanted.Length == 0)
            return;
        int aims = wanted.Count(r => r.Ratio() >= Targets.Of(r)!.Value.Aim);
        string[] lacking = [.. from r in wanted
            where r.Ratio() < Targets.Of(r)!.Value.Must
            select $"{r.H}×{r.N} ({Number(r.Ratio())} of {Digits.Short(Targets.Of(r)!.Value.Must)})"];
        text.Append($"Of {wanted.Length} sizes that have a target, {aims} reach their aim, {wanted.Length - lacking.Length} what they must.");
        text.AppendLine(lacking.Length == 0 ? "" : $" Short: {string.Join(", ", lacking)}.").AppendLine();
    }

    /// <summary>Choices of the library that another family would have beaten.</summary>
    private static void Overtaken(StringBuilder text, List<CheckRecord> records)
    {
        string[] faster = [.. from chosen in records
            where chosen.Part == Part.Lstm.Name && chosen.Host is not null
            from other in records
            where other.Part == Part.Families.Name && other.Variant is not null && (other.H, other.N) == (chosen.H, chosen.N)
                && 1.15 * other.Host?.Median < chosen.Host!.Median
            select $"{chosen.H}×{chosen.N} {other.Family} {Number(other.Host)} against {chosen.Family} {Number(chosen.Host)}"];
        if (faster.Length > 0)
            text.AppendLine($"Chosen wrong by more than 15 %: {string.Join(", ", faster)}.").AppendLine();
    }
}
