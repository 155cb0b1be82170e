namespace FastRecurrence.TestKit.Cases;

/// <summary>One case on one backend.</summary>
/// <param name="Case">The case's name.</param>
/// <param name="Backend">The backend's name.</param>
/// <param name="MaxError">Worst absolute difference to the file's numbers; null where nothing was compared.</param>
/// <param name="ReferenceError">Worst difference to the double reference in units of max(1, |exact|); null where nothing was compared.</param>
/// <param name="Tolerance">What <paramref name="MaxError"/> may be: the file's own, or 1e-5 and at least twice the next.</param>
/// <param name="ReferenceTolerance">What <paramref name="ReferenceError"/> may be: computed from the case, see <see cref="Rounding"/>.</param>
/// <param name="Ok">Whether the case passes.</param>
/// <param name="Reason">Why it fails, or, for a case that must be refused, what the refusal says; else null.</param>
internal sealed record CaseResult(string Case, string Backend, double? MaxError, double? ReferenceError, double Tolerance, double ReferenceTolerance, bool Ok, string? Reason);

/// <summary>A case or a backend that did not run.</summary>
internal sealed record SkippedCase(string Case, string Backend, string Reason);

/// <summary>All of a run.</summary>
internal sealed record CaseReport(IReadOnlyList<CaseResult> Cases, IReadOnlyList<SkippedCase> Skipped)
{
    /// <summary>Whether something ran and nothing failed.</summary>
    public bool Ok => Cases.Count != 0 && Cases.All(c => c.Ok);
}
