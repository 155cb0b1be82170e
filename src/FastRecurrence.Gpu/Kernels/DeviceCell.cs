using FastRecurrence.Cells;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What drivers on a device ask of a shape's cell, and the types that kernels are closed over for it.</summary>
/// <param name="Units">Hidden units in a float4 column: 1 where it holds a unit's preactivations, 4 where a cell of one gate has nothing to carry.</param>
/// <param name="CarriesHidden">Whether a unit's own value from step to step is h of the step before, and not c.</param>
/// <param name="Pointwise">The cell after the product.</param>
/// <param name="Emit">The cell after a second product that adds to a gate.</param>
internal sealed record DeviceCell(int Units, bool CarriesHidden, Type Pointwise, Type Emit)
{
    private static readonly Visitor s_visitor = new();

    /// <summary>That of a shape.</summary>
    public static DeviceCell Of(LayerShape shape) => shape.Definition.Accept(shape, s_visitor);

    /// <summary>Units of a float4 column, as a constant to device code.</summary>
    public static int UnitsOf<TCell>()
        where TCell : struct, ICell => (TCell.UpdateGates | TCell.OutputGates) == GateSet.X && !TCell.HasCell && !TCell.ReadsHidden ? 4 : 1;

    private sealed class Visitor : ICellVisitor<DeviceCell>
    {
        public DeviceCell Visit<TCell>()
            where TCell : struct, ICell => new(UnitsOf<TCell>(), TCell.ReadsHidden, typeof(Pointwise<TCell>), typeof(PointwiseEmit<TCell>));
    }
}
