namespace FastRecurrence.TestKit.Exercises;

/// <summary>One number of the sheet as a backend computed it.</summary>
/// <param name="Exercise">Its number on the sheet, <c>1</c> to <c>7</c>.</param>
/// <param name="Quantity">What it is; <c>[0]</c> names a unit, <c>_1</c> a step.</param>
/// <param name="Backend">Who computed it.</param>
/// <param name="Expected">The exact value: the same computation in double without rounding in between.</param>
/// <param name="Actual">The backend's.</param>
/// <param name="Printed">What the sheet says, with the sheet's digits; null where it prints nothing.</param>
/// <param name="Ok">Whether <paramref name="Actual"/> lies within the backend's tolerance of <paramref name="Expected"/>.</param>
internal sealed record ExerciseResult(string Exercise, string Quantity, string Backend, double Expected, double Actual, decimal? Printed, bool Ok)
{
    public double Error => Math.Abs(Actual - Expected);
}
