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
        c = Advance(ref i, ref f, ref g, ref o, c);
        return Hidden(o, Activations<V, L>.Tanh(c));
    }

    /// <summary>The first half of <see cref="Step"/>: activates the gates and gives the new c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Advance(ref V i, ref V f, ref V g, ref V o, V c)
    {
        i = Activations<V, L>.Sigmoid(i);
        f = Activations<V, L>.Sigmoid(f);
        g = Activations<V, L>.Tanh(g);
        o = Activations<V, L>.Sigmoid(o);
        return Cell(i, f, g, c);
    }

    /// <summary><c>c' = f∘c + i∘g</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell(V i, V f, V g, V c) => L.MultiplyAdd(f, c, L.Multiply(i, g));

    /// <summary><c>h = o∘tanh(c)</c>, the tanh (or what stands for it) being done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Hidden(V o, V activatedCell) => L.Multiply(o, activatedCell);

    /// <summary>A gate that looks at the cell (Gers and Schmidhuber 2000): the peephole joins the preactivation last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Peep(V preactivation, V weight, V c) => L.MultiplyAdd(weight, c, preactivation);

    /// <summary><c>f = 1 − i</c>, the coupled forget gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Coupled(V i) => L.Subtract(L.Broadcast(1f), i);
}
