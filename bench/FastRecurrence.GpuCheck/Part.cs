namespace FastRecurrence.GpuCheck;

/// <summary>A part of a visit, as <c>--only</c> names it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Share">Its share of the minutes; what an earlier part leaves is added.</param>
/// <param name="Explanation">What it does, for the help.</param>
internal sealed record Part(string Name, double Share, string Explanation)
{
    public static readonly Part
        Lstm = new("lstm", 28, "float32 LSTMs by the kernels that the library chooses"),
        Elman = new("elman", 8, "Elman layers"),
        Gru = new("gru", 7, "GRUs"),
        LstmBfloat16 = new("lstm-bf16", 6, "LSTMs with bfloat16 weights"),
        Directions = new("directions", 8, "bidirectional layers: one launch against two"),
        Latency = new("latency", 4, "one step from host span to host span, beside the SIMD backend"),
        Gemm = new("gemm", 5, "the input GEMMs"),
        Verify = new("verify", 14, "every kernel against the double reference, and the exercises"),
        VerifyDirections = new("verify-directions", 6, "both directions in one launch, against the reference and against two launches"),
        VerifyGemm = new("verify-gemm", 3, "the input GEMMs against the errors that they promise"),
        Torch = new("torch", 6, "torch beside what is timed, if python3 has it with CUDA; last its LSTM in tf32, bf16, fp16 and without a graph"),
        Families = new("families", 5, "the kernel families that are not chosen, and the input GEMM alone");

    /// <summary>All, in the order in which they run: what decides first.</summary>
    public static IReadOnlyList<Part> All { get; } =
        [Lstm, Elman, Gru, LstmBfloat16, Directions, Latency, Gemm, Verify, VerifyDirections, VerifyGemm, Torch, Families];

    /// <summary>Whether it says that something is right or wrong, rather than how fast it is.</summary>
    public bool Verifies => Name.StartsWith("verify", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
