using System.Text.Json.Serialization;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>One engine on one problem: a training step, in microseconds. What the inference grid's rows have, they have under the same names.</summary>
internal sealed record TrainingRow(
    [property: JsonPropertyName("cell")] string Cell,
    [property: JsonPropertyName("hidden")] int Hidden,
    [property: JsonPropertyName("input")] int Input,
    [property: JsonPropertyName("batch")] int Batch,
    [property: JsonPropertyName("steps")] int Steps,
    [property: JsonPropertyName("threads")] int Threads,
    [property: JsonPropertyName("engine")] string Engine,
    [property: JsonPropertyName("median_us")] double MedianUs,
    [property: JsonPropertyName("min_us")] double MinUs,
    [property: JsonPropertyName("max_error")] double MaxError)
{
    /// <summary>Whether lengths are uniform in 1..T.</summary>
    [JsonPropertyName("ragged")]
    public bool IsRagged { get; init; }

    /// <summary>Of processor time: of the thread with one thread, else of all threads together.</summary>
    [JsonPropertyName("cpu_median_us")]
    public double CpuMedianUs { get; init; }

    [JsonPropertyName("cpu_min_us")]
    public double CpuMinUs { get; init; }

    [JsonPropertyName("forward_us")]
    public double ForwardUs { get; init; }

    [JsonPropertyName("backward_us")]
    public double BackwardUs { get; init; }

    [JsonPropertyName("update_us")]
    public double UpdateUs { get; init; }

    /// <summary>Of the gradients of weights from this library's, relative to the largest of each matrix.</summary>
    [JsonPropertyName("gradient_difference")]
    public double GradientDifference { get; init; }

    /// <summary>Floating-point operations of the step.</summary>
    [JsonPropertyName("flops")]
    public double Flops { get; init; }

    /// <summary>What engines are compared by: processor time with one thread, which other programs do not disturb, else the clock's.</summary>
    [JsonIgnore]
    public double ComparedUs => Threads == 1 ? CpuMedianUs : MedianUs;
}

/// <summary>A whole run, as <c>--json</c> writes it.</summary>
internal sealed record TrainingReport(
    [property: JsonPropertyName("peak_gflops")] double PeakGflops,
    [property: JsonPropertyName("best_peak_gflops")] double BestPeakGflops,
    [property: JsonPropertyName("command")] string Command,
    [property: JsonPropertyName("machine")] string Machine,
    [property: JsonPropertyName("pinned")] bool Pinned,
    [property: JsonPropertyName("torch")] string Torch,
    [property: JsonPropertyName("rows")] IReadOnlyList<TrainingRow> Rows)
{
    /// <summary>What a step is.</summary>
    [JsonPropertyName("step")]
    public required string Step { get; init; }

    /// <summary>How each torch has its allocator.</summary>
    [JsonPropertyName("allocators")]
    public required IReadOnlyDictionary<string, string> Allocators { get; init; }

    /// <summary>Problems that an engine did not get through.</summary>
    [JsonPropertyName("lost")]
    public required IReadOnlyList<string> Lost { get; init; }
}
