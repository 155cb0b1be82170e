namespace FastRecurrence.Gpu;

/// <content>New weights.</content>
public sealed partial class GpuLayer
{
    /// <summary>In any format that the layer has: what was measured of it when it was prepared is not measured again.</summary>
    private protected override void LoadCore(LayerWeights weights)
    {
        var packed = PackedLayer.Of(weights, Format);
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        Weights.Load(packed);
    }
}
