namespace FastRecurrence.Gpu;

/// <summary>
/// Weights in the kernels' order: <c>[k][unit][gate]</c>, so that the threads of neighbouring units read neighbouring
/// memory and a thread gets all gates of its unit in one load.
/// </summary>
internal static class PackedWeights
{
    /// <summary>W <c>[G·H, K]</c> (or R, K = H) to <c>[K, H, G]</c>; a bias is the case K = 1.</summary>
    public static float[] Interleave(ReadOnlySpan<float> matrix, int gateCount, int hiddenSize, int depth)
    {
        var packed = new float[matrix.Length];
        for (int gate = 0; gate < gateCount; gate++)
        {
            for (int unit = 0; unit < hiddenSize; unit++)
            {
                ReadOnlySpan<float> row = matrix.Slice((gate * hiddenSize + unit) * depth, depth);
                for (int k = 0; k < depth; k++)
                    packed[(k * hiddenSize + unit) * gateCount + gate] = row[k];
            }
        }

        return packed;
    }
}
