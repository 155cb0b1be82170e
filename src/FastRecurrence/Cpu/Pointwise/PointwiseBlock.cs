using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>A block of rows of one panel, between the matrix products: what <see cref="Pointwise{V, L, TCell}"/> reads and writes.</summary>
internal unsafe struct PointwiseBlock
{
    /// <summary>Preactivations in the first cache level, <c>[rows][vectors][lanes]</c>.</summary>
    public float* Preactivations;

    public int Rows;

    /// <summary>Vectors of a row of preactivations.</summary>
    public int Vectors;

    /// <summary>Units that are not padding; only these are read from and written to rows of the caller's.</summary>
    public int Units;

    /// <summary>Whether the activated gates shall replace their preactivations. h does not depend on it.</summary>
    public bool KeepGates;

    /// <summary>Peephole weights of the panel, <c>[3][lanes]</c> in the order i, f, o, or null.</summary>
    public float* Peepholes;

    /// <summary>c of the panel, a whole vector a row: read and replaced. After a second product: the gate that was kept for it.</summary>
    public RowView Cell;

    /// <summary>h of the step before, from the panel's first unit on.</summary>
    public RowView Before;

    /// <summary>h, or the left operand of the second product, likewise; other memory than <see cref="Before"/>, or the same.</summary>
    public RowView Hidden;

    /// <summary>Where a run with a tape leaves gates and c.</summary>
    public TapePlace Tape;
}

/// <summary>The place of a block in a tape; rows are <see cref="Step"/> and <see cref="CellStep"/> floats apart.</summary>
internal unsafe struct TapePlace
{
    /// <summary>Columns of the first row, 16 floats apart.</summary>
    public float* Columns;

    /// <summary>c of the first row, where there is one.</summary>
    public float* Cells;

    public nint Step, CellStep;
}

/// <summary>The pointwise part of one cell at one width, as pointers to its methods: chosen once, when a layer is prepared.</summary>
internal readonly unsafe struct PointwiseKernels
{
    /// <summary>From preactivations to h, or to the left operand of the second product.</summary>
    public required delegate*<in PointwiseBlock, in CellSettings, void> Run { get; init; }

    /// <summary>The same with a tape; null where gates have to be copied there.</summary>
    public required delegate*<in PointwiseBlock, in CellSettings, void> RunTaped { get; init; }

    /// <summary>From the complete candidate to h, after a second product.</summary>
    public required delegate*<in PointwiseBlock, in CellSettings, void> Emit { get; init; }

    /// <summary>The kernels of a shape's cell.</summary>
    public static PointwiseKernels Of<V, L>(LayerShape shape)
        where V : struct
        where L : IMemoryLanes<V> => shape.Definition.Accept(shape, new Closing<V, L>(shape.Describe().HasOneColumn));

    private sealed class Closing<V, L>(bool oneColumn) : ICellVisitor<PointwiseKernels>
        where V : struct
        where L : IMemoryLanes<V>
    {
        public PointwiseKernels Visit<TCell>()
            where TCell : struct, ICell => new()
            {
                Run = oneColumn ? &Pointwise<V, L, TCell>.Units : &Pointwise<V, L, TCell>.Gates,
                RunTaped = !PointwiseTaped<V, L, TCell>.Works ? null
                    : oneColumn ? &PointwiseTaped<V, L, TCell>.Units : &PointwiseTaped<V, L, TCell>.Gates,
                Emit = &Pointwise<V, L, TCell>.Emit,
            };
    }
}
