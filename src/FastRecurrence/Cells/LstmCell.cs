using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>The LSTM cell (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000): equations only, no loops, no memory.</summary>
internal static class LstmCell<V, L>
    where V : struct
    where L : ILanes<V>
{
    /// <summary>A step of the textbook cell from its preactivations; what the gates themselves are, is not needed for it.</summary>
    /// <returns>h.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Step(V i, V f, V g, V o, ref V c)
    {
        c = Cell(i, f, g, c);
        return Hidden(o, c);
    }

    /// <summary><c>c' = σ(f)∘c + σ(i)∘tanh(g)</c>, from preactivations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell(V i, V f, V g, V c) => L.MultiplyAdd(Activations<V, L>.Sigmoid(f), c, Activations<V, L>.SigmoidTimesTanh(i, g));

    /// <summary><c>h = σ(o)∘tanh(c)</c>, from o's preactivation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Hidden(V o, V c) => Activations<V, L>.SigmoidTimesTanh(o, c);

    /// <summary><c>c' = f∘c + i∘g</c>, from gates of any activation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellOfGates(V i, V f, V g, V c) => L.MultiplyAdd(f, c, L.Multiply(i, g));

    /// <summary><c>h = o∘y</c>, y being what the cell activation makes of c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V HiddenOfGates(V o, V activatedCell) => L.Multiply(o, activatedCell);

    /// <summary>A gate that looks at the cell (Gers and Schmidhuber 2000): the peephole joins the preactivation last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Peep(V preactivation, V weight, V c) => L.MultiplyAdd(weight, c, preactivation);

    /// <summary><c>f = 1 − i</c>, the coupled forget gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Coupled(V i) => L.Subtract(L.Broadcast(1f), i);
}
