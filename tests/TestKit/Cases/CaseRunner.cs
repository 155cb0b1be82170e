using System.Globalization;
using FastRecurrence.Gpu;

namespace FastRecurrence.TestKit.Cases;

/// <summary>Runs cases on backends and compares: with the file's numbers and with the double reference.</summary>
internal static class CaseRunner
{
    /// <summary>Every case on every backend.</summary>
    public static CaseReport Run(IReadOnlyList<ConformanceCase> cases, IReadOnlyList<Backend> backends)
    {
        var results = new List<CaseResult>();
        var skipped = new List<SkippedCase>();
        foreach (Backend backend in backends.Where(b => !b.IsAvailable))
            skipped.AddRange(cases.Select(c => new SkippedCase(c.Name, backend.Name, backend.UnavailableReason!)));
        foreach (ConformanceCase item in cases)
        {
            var exact = new Lazy<ExactOutputs>(item.Exact);
            foreach (Backend backend in backends.Where(b => b.IsAvailable))
                results.Add(Run(item, backend, exact));
        }

        return new CaseReport(results, skipped);
    }

    /// <summary>Whether an exception is a typed refusal and no accident.</summary>
    public static bool IsRefusal(Exception e) => e is ModelFormatException or NotSupportedException or ArgumentException;

    /// <summary>What numbers may differ by where a file gives no tolerance of its own: its numbers are another's float32.</summary>
    private const double UsualTolerance = 1e-5;

    /// <summary>One case on one backend. Whatever goes wrong fails the case, but for a device that fails.</summary>
    /// <param name="item">The case.</param>
    /// <param name="backend">The backend; available.</param>
    /// <param name="exact">The case's exact outputs, computed when first needed.</param>
    /// <exception cref="DeviceException">The backend's device failed.</exception>
    public static CaseResult Run(ConformanceCase item, Backend backend, Lazy<ExactOutputs> exact)
    {
        var result = new CaseResult(item.Name, backend.Name, null, null, item.Tolerance ?? UsualTolerance, 0, false, null);
        IReadOnlyDictionary<string, NumberTensor> actual;
        ExactOutputs exactly;
        try
        {
            actual = item.Run(backend);
            if (item.MustBeRefused)
                return result with { Reason = "the layer must be refused, but it ran" };
            exactly = exact.Value;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            string reason = e.Message.ReplaceLineEndings(" ");
            return item.MustBeRefused ? result with { Ok = true, Reason = $"refused: {reason}" } : result with { Reason = reason };
        }
        catch (Exception e) when (e is not DeviceException)
        {
            return result with { Reason = $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}" };
        }

        double rounding = Tolerance.Of(backend, exactly.Deviation);
        result = result with { ReferenceTolerance = rounding, Tolerance = item.Tolerance ?? Math.Max(UsualTolerance, 2 * rounding) };
        string? wrong = null;
        double file = 0, reference = 0;
        foreach ((string name, NumberTensor expected) in item.Expected)
            wrong ??= Compare(name, "the file", actual, expected, relative: false, result.Tolerance, ref file);
        foreach ((string name, NumberTensor expected) in exactly.Values)
            wrong ??= Compare(name, "the reference", actual, expected, relative: true, result.ReferenceTolerance, ref reference);
        if (item.Expected.Count == 0)
            wrong ??= "the file has no expected numbers";
        return result with { MaxError = file, ReferenceError = reference, Ok = wrong is null, Reason = wrong };
    }

    private static string? Compare(string name, string with, IReadOnlyDictionary<string, NumberTensor> actual, NumberTensor expected, bool relative, double tolerance, ref double worst)
    {
        if (!actual.TryGetValue(name, out NumberTensor? got))
            return $"{with} has an output {name}, the layer has none";
        if (!got.Shape.AsSpan().SequenceEqual(expected.Shape))
            return $"{name} is {got.ShapeText}, but {expected.ShapeText} in {with}";
        double error = got.ErrorFrom(expected, relative, out int at);
        worst = Math.Max(worst, error);
        return error <= tolerance ? null
            : string.Create(CultureInfo.InvariantCulture, $"{name}{got.Index(at)} is {got.Values[at]:g9}, but {expected.Values[at]:g9} in {with}: {error:g3} > {tolerance:g3}");
    }
}
