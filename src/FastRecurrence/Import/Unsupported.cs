using FastRecurrence.Cells;

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

    /// <summary>Refuses a cell that is not <paramref name="supported"/>.</summary>
    public static void Cell(LayerShape shape, string framework, CellDefinition supported)
    {
        if (shape.Definition != supported)
            throw new NotSupportedException($"{framework} is {supported.NameWithArticle}; this layer is {shape.Definition.NameWithArticle}.");
    }
}
