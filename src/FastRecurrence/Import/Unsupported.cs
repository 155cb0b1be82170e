namespace FastRecurrence.Import;

/// <summary>Refusals of cells that a framework cannot express.</summary>
internal static class Unsupported
{
    /// <summary>Refuses peepholes, projections, clips and coupled gates.</summary>
    public static void Variations(LayerShape shape, string framework, bool peepholes = false, bool projection = false, bool clip = false, bool coupled = false)
    {
        string? what = shape.Peepholes && !peepholes ? "peepholes"
            : shape.ProjectionSize != 0 && !projection ? "a projection"
            : !float.IsPositiveInfinity(shape.Clip) && !clip ? "a clip"
            : shape.CoupledInputForget && !coupled ? "coupled input and forget gates"
            : null;
        if (what is not null)
            throw new NotSupportedException($"{shape} has {what}; {framework}'s layers have none.");
    }

    /// <summary>Refuses a cell that is not one of <paramref name="supported"/>.</summary>
    public static void Cell(LayerShape shape, string framework, params ReadOnlySpan<CellKind> supported)
    {
        if (!supported.Contains(shape.Cell))
            throw new NotSupportedException($"{framework} has no {shape.Cell} cell; it has {string.Join(", ", supported.ToArray())}.");
    }
}
