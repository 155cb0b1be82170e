using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>The SIMD kernels at one width.</summary>
internal sealed class SimdBackend<V, L>(string name, string description) : Backend(name, description, unavailableReason: null)
    where V : struct
    where L : IMemoryLanes<V>
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new SimdLayer<V, L>(weights, this);
}

/// <summary>A name that stands for nothing usable here: it says why instead of falling back.</summary>
internal sealed class UnavailableBackend(string name, string reason) : Backend(name, "not available", reason)
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => throw new BackendUnavailableException(Name, UnavailableReason!);
}
