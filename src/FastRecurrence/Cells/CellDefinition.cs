using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>Variations that a cell may have; a shape refuses the others.</summary>
[Flags]
internal enum CellVariations
{
    None = 0,
    GateActivation = 1,
    CellActivation = 2,
    Peepholes = 4,
    CoupledInputForget = 8,
    LinearBeforeReset = 16,
    Projection = 32,
}

/// <summary>
/// A cell as the rest of the library sees it: described as data, handed over as a type, and computed by plain loops for the reference. One a cell; the
/// library's own are in <see cref="Of"/>. Thread-safe: it has no state.
/// </summary>
internal abstract class CellDefinition
{
    /// <summary>The start of a layer's id, such as <c>lstm</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The name for people, with its article: <c>an LSTM</c>, <c>an Elman cell</c>.</summary>
    public abstract string NameWithArticle { get; }

    /// <summary>What users call it.</summary>
    public virtual CellKind Kind => CellKind.Custom;

    /// <summary>The variations that a shape may ask for.</summary>
    public virtual CellVariations Variations => CellVariations.None;

    /// <summary>The cell of a shape as data.</summary>
    public abstract CellDescription Describe(LayerShape shape);

    /// <summary>Hands the cell of a shape over as a type.</summary>
    public abstract TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor);

    /// <summary>The cell in double.</summary>
    public abstract ReferenceCell Reference { get; }

    /// <summary>The library's own cells.</summary>
    public static IReadOnlyList<CellDefinition> All => [Elman.Definition, Lstm.Definition, Gru.Definition, Dense.Definition];

    /// <summary>Names of the library's cells that have a variation, for a refusal.</summary>
    public static string With(CellVariations variation) =>
        string.Join(" or ", All.Where(cell => cell.Variations.HasFlag(variation)).Select(cell => cell.NameWithArticle));

    /// <summary>The library's own cell of a kind.</summary>
    public static CellDefinition Of(CellKind kind) => kind switch
    {
        CellKind.Elman => Elman.Definition,
        CellKind.Lstm => Lstm.Definition,
        CellKind.Gru => Gru.Definition,
        CellKind.Dense => Dense.Definition,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, $"One of {CellKind.Elman}, {CellKind.Lstm}, {CellKind.Gru}, {CellKind.Dense}."),
    };
}
