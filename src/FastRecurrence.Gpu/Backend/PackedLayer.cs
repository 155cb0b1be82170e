using FastRecurrence.Cells;
using FastRecurrence.Layout;

namespace FastRecurrence.Gpu;

/// <summary>A layer's numbers on the host, in the kernels' order; empty where the layer has none.</summary>
internal readonly ref struct PackedLayer
{
    /// <summary>W, as it decodes.</summary>
    public required ReadOnlySpan<float> Input { get; init; }

    /// <summary>R, as it is stored; without the candidate for a GRU that resets before its product.</summary>
    public required ReadOnlySpan<float> Recurrent { get; init; }

    /// <summary>b.</summary>
    public required ReadOnlySpan<float> Bias { get; init; }

    /// <summary>R of the candidate of a GRU that resets before its product.</summary>
    public ReadOnlySpan<float> Candidate { get; init; }

    /// <summary>W_p of a projection.</summary>
    public ReadOnlySpan<float> Projection { get; init; }

    /// <summary>The peepholes.</summary>
    public ReadOnlySpan<float> Peepholes { get; init; }

    /// <summary>Packs a layer's weights.</summary>
    public static PackedLayer Of(LayerWeights weights, WeightFormat format)
    {
        LayerShape shape = weights.Shape;
        CellDescription description = shape.Describe();
        float[] w, r;
        if (format == WeightFormat.Float32)
        {
            w = PackedWeights.Input(shape, weights.InputWeights);
            r = PackedWeights.Recurrent(shape, weights.RecurrentWeights, shape.OutputSize);
        }
        else
        {
            int rows = description.GateCount * shape.HiddenSize;
            w = PackedWeights.Input(shape, NarrowMatrix.Encode(format, weights.InputWeights, rows, shape.InputSize).Decoded);
            NarrowMatrix stored = NarrowMatrix.Encode(format, weights.RecurrentWeights, rows, shape.OutputSize);
            r = PackedWeights.Recurrent(shape, stored.Lanes, stored.Groups);
        }

        return new PackedLayer
        {
            Input = w,
            Recurrent = r,
            Bias = PackedWeights.Bias(weights),
            Candidate = description.Second == SecondProduct.Candidate ? PackedWeights.Candidate(weights) : [],
            Projection = description.Second == SecondProduct.Projection ? PackedWeights.Projection(weights) : [],
            Peepholes = weights.Peepholes,
        };
    }
}
