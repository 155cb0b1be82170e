using System.Runtime.CompilerServices;

namespace FastRecurrence.Cpu;

/// <summary>
/// Rows that lie anywhere in a matrix: row i starts <c>at[i]</c> rows of <c>width</c> floats behind <c>start</c>. A tile
/// looks its rows up once and then goes along them, so that a batch in any order and layout runs where it lies.
/// </summary>
internal readonly unsafe struct RowView(float* start, int* at, nint width)
{
    private readonly float* _start = start;
    private readonly int* _at = at;
    private readonly nint _width = width;

    /// <summary>Whether nothing is there: an output that is not wanted.</summary>
    public bool IsEmpty => _start == null;

    /// <summary>The first float of a row.</summary>
    public float* this[int row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _start + _at[row] * _width;
    }

    /// <summary>The rows from one on.</summary>
    public RowView From(int row) => new(_start, _at + row, _width);

    /// <summary>The same rows without their first floats.</summary>
    public RowView Columns(nint first) => new(_start + first, _at, _width);
}
