using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The gradients of a layer's weights. Backward passes add to them; after <see cref="Clear"/>, and when new, the next one writes instead, so that nothing
/// has to be set to 0. Sums lie in the order of a tape; row-major is made on read.
/// </summary>
internal sealed class LayerGradients(LayerShape shape)
{
    private GradientParts _written;

    public LayerShape Shape => shape;

    /// <summary>The sums; those of a part that is clear hold anything.</summary>
    public ParameterBuffer Sums { get; } = new ParameterBuffer("gradients", shape);

    /// <summary>Whether nothing has been added to a part since they were made or cleared: it is 0, whatever the memory holds.</summary>
    public bool IsClear(GradientParts part) => (_written & part) == 0;

    /// <summary>Parts have been written.</summary>
    public void Wrote(GradientParts parts) => _written |= parts;

    /// <summary>Makes all 0, at no cost.</summary>
    public void Clear() => _written = GradientParts.None;

    /// <summary>dW, <c>[G·H, I]</c>.</summary>
    public float[] InputWeights => Read(GradientParts.InputWeights);

    /// <summary>dR, <c>[G·H, P]</c>.</summary>
    public float[] RecurrentWeights => Read(GradientParts.RecurrentWeights);

    /// <summary>db, as <see cref="LayerWeights.Bias"/>.</summary>
    public float[] Bias => Read(GradientParts.Bias);

    /// <summary>Of the peephole weights, <c>[3·H]</c> in the order i, f, o; empty without.</summary>
    public float[] Peepholes => Read(GradientParts.Peepholes);

    /// <summary>dW_p, <c>[P, H]</c>; empty without.</summary>
    public float[] Projection => Read(GradientParts.Projection);

    private float[] Read(GradientParts part)
    {
        var values = new float[Sums.Count(part)];
        if (!IsClear(part))
            Sums.Read(part, values);
        return values;
    }
}
