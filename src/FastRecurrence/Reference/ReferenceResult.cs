namespace FastRecurrence.Reference;

/// <summary>Everything a reference run computed, in double, row-major. P is H without a projection.</summary>
/// <param name="Output">h of every step, <c>[T, N, P]</c>; 0 in the padding.</param>
/// <param name="Hidden">h after the last step that ran, <c>[N, P]</c>.</param>
/// <param name="Cell">c after the last step that ran, <c>[N, H]</c>; zeros for a cell without c.</param>
/// <param name="Gates">Activated gates, <c>[T, N, G, H]</c>.</param>
/// <param name="Preactivations">Gates before clip and activation, <c>[T, N, G, H]</c>.</param>
/// <param name="Cells">c of every step, <c>[T, N, H]</c>; zeros for a cell without c.</param>
public sealed record ReferenceResult(double[] Output, double[] Hidden, double[] Cell, double[] Gates, double[] Preactivations, double[] Cells)
{
    /// <summary>c of every step before zoneout, <c>[T, N, H]</c>; empty without zoneout.</summary>
    internal double[] OwnCells { get; init; } = [];
}
