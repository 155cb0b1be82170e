namespace FastRecurrence.TestKit.Verification;

/// <summary>One value of one problem: where it stands, what it should be, what it is.</summary>
/// <param name="Problem">The problem's id.</param>
/// <param name="Quantity"><c>h</c>, a gate (<c>i</c>, <c>f</c>, <c>g</c>, <c>o</c>, <c>a</c> for Elman's one), or <c>c</c> after the last step.</param>
/// <param name="Step">t, from 0.</param>
/// <param name="Row">n, from 0.</param>
/// <param name="Unit">j, from 0.</param>
/// <param name="Exact">The reference's value.</param>
/// <param name="Actual">The backend's.</param>
internal sealed record OutputLocation(string Problem, string Quantity, int Step, int Row, int Unit, double Exact, double Actual)
{
    /// <summary>Relative beyond magnitude 1; see <see cref="Tolerance.Error"/>.</summary>
    public double Error => Tolerance.Error(Exact, Actual);

    public double Ulp => Tolerance.Ulp(Exact, Actual);

    public override string ToString() => $"{Problem} {Quantity} t={Step} n={Row} j={Unit}";
}
