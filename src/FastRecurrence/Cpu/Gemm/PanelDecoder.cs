using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>A panel of narrow weights as the float32 panel that register tiles read: what a weight decodes to is the same as for a single row.</summary>
internal static unsafe class PanelDecoder<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Decodes one panel.</summary>
    /// <param name="format">How it is stored.</param>
    /// <param name="stored">The panel, <c>[groups][width]</c>.</param>
    /// <param name="depth">K.</param>
    /// <param name="width">Floats for one k, a multiple of the lanes.</param>
    /// <param name="decoded">Room for <c>[K][width]</c>.</param>
    public static void Decode(WeightFormat format, float* stored, int depth, int width, float* decoded)
    {
        if (format == WeightFormat.Bfloat16)
            Decode<Bfloat16Weights>(stored, depth, width, decoded);
        else
            Decode<Int8Weights>(stored, depth, width, decoded);
    }

    private static void Decode<W>(float* stored, int depth, int width, float* decoded)
        where W : struct, IWeightDecoding
    {
        for (int k = 0; k < depth; k += W.PerLane, stored += width)
        {
            int places = Math.Min(W.PerLane, depth - k);
            for (int place = 0; place < places; place++, decoded += width)
            {
                for (int i = 0; i < width; i += L.Count)
                    L.Store(W.Weight<V, L>(L.Load(stored + i), place), decoded + i);
            }
        }
    }
}
