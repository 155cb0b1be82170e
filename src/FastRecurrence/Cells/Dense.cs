using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>No recurrence: <c>y = φ(W x + b)</c> of every step, the output layer as a layer among others.</summary>
internal sealed class Dense : CellDefinition
{
    public static Dense Definition { get; } = new();

    public override string Name => "dense";

    public override string NameWithArticle => "a dense layer";

    public override CellKind Kind => CellKind.Dense;

    public override ReferenceCell Reference { get; } = new ReferenceDense();

    public override CellDescription Describe(LayerShape shape) => new()
    {
        Gates = ["y"],
        InputColumns = [0],
        RecurrentColumns = [],
        BiasColumns = [0],
        RecurrentBlocks = 0,
        IsDefault = Elman.HasOwnKernel(shape),
    };

    public override TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor) => Elman.Definition.Accept(shape, visitor);
}
