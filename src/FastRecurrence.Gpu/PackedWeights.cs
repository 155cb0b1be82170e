namespace FastRecurrence.Gpu;

/// <summary>
/// Weights in the kernels' order: <c>[k][quad][4]</c>. A quad is the gates of one unit (LSTM) or four units (Elman), so
/// that a thread gets it in one 16-byte load and neighbouring threads read neighbouring memory. Units beyond H are zero.
/// </summary>
internal static class PackedWeights
{
    /// <summary>Columns of a quad.</summary>
    public const int Lanes = 4;

    /// <summary>Quads of a layer.</summary>
    public static int Quads(LayerShape shape) => shape.GateCount == Lanes ? shape.HiddenSize : (shape.HiddenSize + Lanes - 1) / Lanes;

    /// <summary>W <c>[G·H, K]</c> (or R, K = H) to <c>[K, quads, 4]</c>; a bias is the case K = 1.</summary>
    public static float[] Pack(LayerShape shape, ReadOnlySpan<float> matrix, int depth)
    {
        int G = shape.GateCount, H = shape.HiddenSize, stride = Quads(shape) * Lanes;
        var packed = new float[checked(depth * stride)];
        for (int gate = 0; gate < G; gate++)
        {
            for (int unit = 0; unit < H; unit++)
            {
                ReadOnlySpan<float> row = matrix.Slice((gate * H + unit) * depth, depth);
                int column = unit * G + gate;
                for (int k = 0; k < depth; k++)
                    packed[k * stride + column] = row[k];
            }
        }

        return packed;
    }
}
