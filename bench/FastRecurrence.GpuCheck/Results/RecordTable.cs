using System.Globalization;
using System.Text;

namespace FastRecurrence.GpuCheck.Results;

/// <summary>Records of one kind as a table; columns that no record fills are left out.</summary>
internal static class RecordTable
{
    private static readonly Field
        Kernel = new("kernel", r => r.Variant ?? r.Family ?? "", IsText: true),
        TorchMode = new("torch is", r => r.TorchMode ?? "", IsText: true),
        Note = new("note", r => r.Note ?? "", IsText: true);

    private static readonly Field[] s_size =
        [new("cell", r => SeparatesCells(r) ? "" : r.Cell ?? "", IsText: true), new("H", r => Count(r.H)), new("N", r => Count(r.N))];

    private static readonly Field[] s_verification =
    [
        new("what", r => string.Join(", ", ((string?[])[r.Cell, r.Family, r.Format]).OfType<string>()), IsText: true),
        new("problems", r => Count(r.Verification?.Problems)),
        new("worst error", r => r.Verification is null ? "" : Digits.Error(r.Verification.Worst)),
        new("limit", r => r.Verification is null ? "" : Digits.Error(r.Verification.Limit)),
        new("not repeated", r => Count(r.Verification?.Unrepeated)),
        new("differing", r => Count(r.Verification?.Differing)),
        new("strayed", r => Count(r.Verification?.Strayed)),
        new("unfit", r => Count(r.Verification?.Unfit)),
        new("shared launches", r => Count(r.Verification?.SharedLaunches)),
        new("fallbacks", r => Count(r.Fallbacks)),
        new("verdict", r => r.Verification is null ? "" : Markdown.Verdict(r.Verification), IsText: true),
        new("first mistake", r => r.Verification?.First ?? "", IsText: true),
        Note,
    ];

    private static readonly Field[] s_calls =
    [
        .. s_size,
        new("p50", r => Markdown.Number(r.Calls?.P50)), new("p99", r => Markdown.Number(r.Calls?.P99)), new("max", r => Markdown.Number(r.Calls?.Maximum)),
        new("calls", r => Count(r.Calls?.Calls)),
        new("simd p50", r => Markdown.Number(r.SimdCalls?.P50)), new("simd p99", r => Markdown.Number(r.SimdCalls?.P99)),
        Kernel,
    ];

    private static readonly Field[] s_gemms =
    [
        .. s_size,
        new("way", r => r.Family ?? "", IsText: true),
        new("TFLOP/s", r => r.TeraFlops is double teraFlops ? Digits.Places(teraFlops, 1) : ""),
        new("µs a step", r => Markdown.Number(r.Host)),
    ];

    private static readonly Field[] s_torch =
        [.. s_size, TorchMode, new("µs a step", r => Markdown.Number(r.TorchDevice)), new("by host", r => Markdown.Number(r.TorchHost))];

    private static readonly Field[] s_layers =
    [
        .. s_size,
        new("ours", r => Markdown.Number(r.Host)),
        new("device", r => r.Device is null ? "" : Markdown.Number(r.Device)),
        new("min–max", r => r.Host is null ? "" : $"{Markdown.Number(r.Host.Minimum)}–{Markdown.Number(r.Host.Maximum)}"),
        new("torch", r => r.TorchDevice is null ? "" : Markdown.Number(r.TorchDevice)),
        new("by host", r => r.TorchHost is null ? "" : Markdown.Number(r.TorchHost)),
        new("torch/ours", r => r.Ratio() is double ratio ? Markdown.Number(ratio) : ""),
        new("must", r => Targets.Of(r) is (double must, _) ? Digits.Short(must) : ""),
        new("aim", r => Targets.Of(r) is (_, double aim) ? Digits.Short(aim) : ""),
        new("reached", Targets.Verdict, IsText: true),
        new("fallbacks", r => r.Fallbacks is > 0 ? Count(r.Fallbacks) : ""),
        Kernel, TorchMode, Note,
    ];

    /// <summary>Whether a record has numbers; one without them is a note.</summary>
    public static bool HasRow(CheckRecord r) =>
        r.Host is not null || r.TorchDevice is not null || r.Calls is not null || r.TeraFlops is not null || r.Verification is not null;

    /// <summary>What records of one table share.</summary>
    public static object KeyOf(CheckRecord r) => SeparatesCells(r) ? (r.Backend, r.Cell, r.Format) : (r.Backend, (string?)null, (string?)null);

    /// <param name="text">Takes the table.</param>
    /// <param name="part">Whose.</param>
    /// <param name="records">At least one, all with the same key.</param>
    public static void Write(StringBuilder text, string part, CheckRecord[] records)
    {
        CheckRecord first = records[0];
        string cell = SeparatesCells(first) && first.Cell is not null ? $", {first.Cell}, {first.Format}" : "";
        string sizes = first.T is int t ? string.Create(CultureInfo.InvariantCulture, $", I = H, T = {t}") : "";
        text.AppendLine($"## {part}{cell}{sizes}, {first.Backend ?? "torch"}").AppendLine();
        (string explanation, Field[] fields) = Form(first);
        text.AppendLine(explanation).AppendLine();
        fields = [.. fields.Where(f => records.Any(r => f.Of(r).Length > 0))];
        TextTable.Column[] columns = [.. fields.Select(f => new TextTable.Column(f.Heading, Left: f.IsText))];
        foreach (string line in TextTable.Render(columns, [.. records.Select(r => fields.Select(f => f.Of(r)).ToArray())]))
            text.AppendLine(line);
        text.AppendLine();
    }

    /// <summary>Verifications and both directions list their cells in one table.</summary>
    private static bool SeparatesCells(CheckRecord r) => r.Verification is null && r.Directions is null or 1;

    private static (string Explanation, Field[] Fields) Form(CheckRecord r) => r switch
    {
        { Verification: not null } =>
            ("Differing: other bits than another way that promises the same. Strayed: NaN left its row. Unfit: not taken by the kernel.", s_verification),
        { Calls: not null } => ("Microseconds a call of one step from host span to host span, and of the SIMD backend on one thread.", s_calls),
        { TeraFlops: not null } => ("All rows of a sequence at once, by the host's clock, waiting included, data on the device.", s_gemms),
        { Host: null } => ("Microseconds a step of torch alone, data on the device, between two events, and by the host's clock.", s_torch),
        _ => ("Microseconds a step, input GEMM included, data on the device: medians by the host's clock, waiting included, and between marks on the "
            + "device. torch: between events, and by the host's clock. Rounds alternate between the two; torch/ours is torch's events against our "
            + "host's clock.", s_layers),
    };

    private static string Count(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "";

    /// <summary>A column: what stands in it for a record.</summary>
    private sealed record Field(string Heading, Func<CheckRecord, string> Of, bool IsText = false);
}
