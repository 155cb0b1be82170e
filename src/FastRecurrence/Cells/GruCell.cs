using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>The GRU cell (Cho et al. 2014), with the reset gate before or after the recurrent product: equations only, no loops, no memory.</summary>
internal static class GruCell<V, L>
    where V : struct
    where L : ILanes<V>
{
    /// <summary>Activates the preactivations of a cell that is linear before its reset, in place.</summary>
    /// <param name="r">In: preactivation; out: reset gate.</param>
    /// <param name="z">In: preactivation; out: update gate.</param>
    /// <param name="n">In: the candidate's input part; out: candidate.</param>
    /// <param name="recurrent">The candidate's recurrent part, R_n h + b_hn.</param>
    /// <param name="h">h of the step before.</param>
    /// <returns>The new h.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Step(ref V r, ref V z, ref V n, V recurrent, V h)
    {
        r = Activations<V, L>.Sigmoid(r);
        z = Activations<V, L>.Sigmoid(z);
        n = Activations<V, L>.Tanh(Candidate(r, n, recurrent));
        return Hidden(z, n, h);
    }

    /// <summary><c>n = input part + r∘recurrent part</c>, before its activation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate(V r, V input, V recurrent) => L.MultiplyAdd(r, recurrent, input);

    /// <summary><c>r∘h</c>, what the recurrent product sees of a cell that resets first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Reset(V r, V h) => L.Multiply(r, h);

    /// <summary><c>h' = (1 − z)∘n + z∘h</c>, written as n + z∘(h − n).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Hidden(V z, V n, V h) => L.MultiplyAdd(z, L.Subtract(h, n), n);
}
