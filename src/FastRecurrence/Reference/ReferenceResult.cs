namespace FastRecurrence.Reference;

/// <summary>Everything a reference run computed, in double, row-major.</summary>
/// <param name="Output">h of every step, <c>[T, N, H]</c>.</param>
/// <param name="Hidden">h after the last step walked, <c>[N, H]</c>.</param>
/// <param name="Cell">c after the last step walked, <c>[N, H]</c>; zeros for an Elman cell.</param>
/// <param name="Gates">Activated gates, <c>[T, N, G, H]</c>.</param>
/// <param name="Preactivations">Gates before the activation, <c>[T, N, G, H]</c>.</param>
public sealed record ReferenceResult(double[] Output, double[] Hidden, double[] Cell, double[] Gates, double[] Preactivations);
