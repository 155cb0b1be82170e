namespace FastRecurrence.GpuCheck.Results;

/// <summary>One measurement, or what became of one verification. What does not apply is null and left out of the file.</summary>
internal sealed record CheckRecord
{
    /// <summary>The part, as <c>--only</c> names it.</summary>
    public required string Part { get; init; }

    /// <summary>The backend.</summary>
    public string? Backend { get; init; }

    public string? Cell { get; init; }

    public string? Format { get; init; }

    public int? H { get; init; }

    public int? N { get; init; }

    public int? T { get; init; }

    public int? Directions { get; init; }

    /// <summary>The kernel family, or the way of an input GEMM.</summary>
    public string? Family { get; init; }

    /// <summary>The variant, for people.</summary>
    public string? Variant { get; init; }

    /// <summary>Microseconds a step by the host's clock, waiting included.</summary>
    public Spread? Host { get; init; }

    /// <summary>Microseconds a step between two marks on the device.</summary>
    public Spread? Device { get; init; }

    /// <summary>Chunks that a grid gave up while it was timed or verified.</summary>
    public long? Fallbacks { get; init; }

    /// <summary>torch's row for the same work, such as <c>LSTM fp32 graph</c>.</summary>
    public string? TorchMode { get; init; }

    /// <summary>torch's microseconds a step by the host's clock, waiting included.</summary>
    public Spread? TorchHost { get; init; }

    /// <summary>torch's microseconds a step between two events.</summary>
    public Spread? TorchDevice { get; init; }

    /// <summary>Calls of one step, in microseconds.</summary>
    public CallTimes? Calls { get; init; }

    /// <summary>The same calls on the SIMD backend.</summary>
    public CallTimes? SimdCalls { get; init; }

    /// <summary>10¹² floating-point operations a second.</summary>
    public double? TeraFlops { get; init; }

    public VerificationResult? Verification { get; init; }

    /// <summary>What is to be said beside, or instead.</summary>
    public string? Note { get; init; }

    /// <summary>How many times as long torch takes: its time on the device against ours by the host's clock. Null where one is missing.</summary>
    public double? Ratio() => TorchDevice?.Median / Host?.Median;
}

/// <summary>What became of the problems of one verification.</summary>
/// <param name="Problems">How many were judged.</param>
/// <param name="Worst">The largest error.</param>
/// <param name="Limit">What it may be.</param>
/// <param name="Unrepeated">Problems whose second run had other bits.</param>
/// <param name="Strayed">Problems where NaN left its row.</param>
/// <param name="Right">Whether all is as it should be; null where nothing was judged.</param>
internal sealed record VerificationResult(int Problems, double Worst, double Limit, int Unrepeated, int Strayed, bool? Right)
{
    /// <summary>Problems whose bits differ from those of another way that promises the same.</summary>
    public int? Differing { get; init; }

    /// <summary>Problems that the kernel does not take.</summary>
    public int? Unfit { get; init; }

    public long? SharedLaunches { get; init; }

    /// <summary>Where the first mistake was.</summary>
    public string? First { get; init; }
}
