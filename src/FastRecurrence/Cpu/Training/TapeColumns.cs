using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>Values of every row of a tape, <c>[block][row][width]</c>: the left operand of a product, or the right one of a sum over rows.</summary>
internal sealed unsafe class TapeColumns(string what, TapeLayout layout, int rows)
{
    private readonly AlignedBuffer _memory = new(what, layout.BlockCount, rows, layout.Width);

    public TapeLayout Layout => layout;

    /// <summary>Floats of all of it.</summary>
    public int Length => _memory.Length;

    /// <summary>The values of a block from a row on.</summary>
    public float* this[int block, nint row] => _memory.Pointer + ((nint)block * rows + row) * layout.Width;
}

/// <summary>Some rows of it.</summary>
internal readonly struct TapeRows(TapeColumns columns, int first, int count)
{
    public TapeColumns Columns { get; } = columns;

    public int First { get; } = first;

    public int Count { get; } = count;
}
