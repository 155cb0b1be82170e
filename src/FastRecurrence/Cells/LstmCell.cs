using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>The LSTM cell (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000): equations only, no loops, no memory.</summary>
internal static class LstmCell<V, L>
    where V : struct
    where L : ILanes<V>
{
    /// <summary>Activates the four preactivations in place and advances the cell.</summary>
    /// <param name="i">In: preactivation; out: input gate.</param>
    /// <param name="f">In: preactivation; out: forget gate.</param>
    /// <param name="g">In: preactivation; out: candidate.</param>
    /// <param name="o">In: preactivation; out: output gate.</param>
    /// <param name="c">In: c of the step before; out: the new c.</param>
    /// <returns>h.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Step(ref V i, ref V f, ref V g, ref V o, ref V c)
    {
        i = Activations<V, L>.Sigmoid(i);
        f = Activations<V, L>.Sigmoid(f);
        g = Activations<V, L>.Tanh(g);
        o = Activations<V, L>.Sigmoid(o);
        c = L.MultiplyAdd(f, c, L.Multiply(i, g));
        return L.Multiply(o, Activations<V, L>.Tanh(c));
    }
}
