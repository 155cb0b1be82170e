using System.Globalization;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>The SIMD kernels at one width.</summary>
internal sealed class CpuBackend<V, L>(string name, string description) : Backend(name, description, unavailableReason: null)
    where V : struct
    where L : IMemoryLanes<V>
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new CpuLayer<V, L>(weights, this, WeightFormat.Float32, 0);

    private protected override OutputKernel PrepareOutputCore(int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias,
        ActivationFunction activation) =>
        new CpuOutput<V, L>(outputSize, weights, bias, activation);

    internal override BackwardPass CreateBackward(LayerWeights weights, int batchSize, WorkerTeam? team = null) =>
        new BackwardDriver<V, L>(weights, batchSize, team);

    private protected override RecurrentLayer PrepareNarrow(LayerWeights weights, WeightFormat format)
    {
        long bytes = sizeof(float) * ((long)weights.Shape.InputWeightCount + weights.Shape.RecurrentWeightCount), least = Tuning.Current.LeastBytes(format,
            L.Count);
        if (bytes < least)
            throw new NotSupportedException(
                string.Create(CultureInfo.InvariantCulture,
                $"{format} weights would not be faster for {weights.Shape} on {Name}: W and R take {bytes} bytes as Float32, "
                + $"and it pays from {least} on. Use Float32."));
        if (format == WeightFormat.Int8 && weights.FindNonFinite() is { } bad)
            throw new ArgumentException($"Int8 cannot hold every weight: {bad}. Use Float32 or Bfloat16.", nameof(weights));
        using var exact = new CpuLayer<V, L>(weights, this, WeightFormat.Float32, 0);
        using var probe = new CpuLayer<V, L>(weights, this, format, 0);
        return new CpuLayer<V, L>(probe, FormatProbe.Difference(exact, probe));
    }
}

/// <summary>A name that stands for nothing usable here: it says why instead of falling back.</summary>
internal sealed class UnavailableBackend(string name, string reason) : Backend(name, "not available", reason)
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => throw new BackendUnavailableException(Name, UnavailableReason!);
}
