using System.Runtime.CompilerServices;

namespace FastRecurrence.Layout;

/// <summary>The row of W, R or b at a place of a panel; −1 for padding.</summary>
internal delegate int SourceRow(int panel, int column, int lane);

/// <summary>
/// One weight matrix as panels, <c>[panel][k][column][lane]</c>: what a register tile reads, in the order in which it
/// reads it. Places without a source row are zero: tails end here, kernels have none.
/// </summary>
internal sealed unsafe class PackedMatrix
{
    private readonly AlignedBuffer _panels;
    private readonly nint _panelSize;
    private readonly SourceRow _sourceRow;
    private readonly int _panelCount, _lanes;

    /// <param name="what">Its name, for a refusal of its size.</param>
    /// <param name="source">Row-major, <paramref name="depth"/> columns.</param>
    /// <param name="depth">K, terms of every sum.</param>
    /// <param name="panelCount">Panels.</param>
    /// <param name="columns">Vectors of a panel for one k.</param>
    /// <param name="lanes">Floats in a vector.</param>
    /// <param name="sourceRow">Where each place comes from.</param>
    public PackedMatrix(string what, ReadOnlySpan<float> source, int depth, int panelCount, int columns, int lanes, SourceRow sourceRow)
    {
        int width = columns * lanes;
        Width = width;
        Depth = depth;
        _panelSize = (nint)depth * width;
        _panels = new AlignedBuffer(what, panelCount, depth, width);
        (_panelCount, _lanes, _sourceRow) = (panelCount, lanes, sourceRow);
        Load(source);
    }

    /// <summary>Packs another matrix of the same size into the same memory. Allocates nothing; no product may be in progress.</summary>
    public void Load(ReadOnlySpan<float> source)
    {
        Span<float> destination = _panels.Span;
        for (int panel = 0; panel < _panelCount; panel++)
        {
            for (int place = 0; place < Width; place++)
            {
                int row = _sourceRow(panel, place / _lanes, place % _lanes);
                if (row < 0)
                    continue;
                int at = (int)(panel * _panelSize) + place;
                foreach (float weight in source.Slice(row * Depth, Depth))
                {
                    destination[at] = weight;
                    at += Width;
                }
            }
        }
    }

    /// <summary>Floats of a panel for one k.</summary>
    public int Width { get; }

    /// <summary>K, terms of every sum, as they are stored.</summary>
    public int Depth { get; }

    /// <summary>Memory of all panels.</summary>
    public long Bytes => (long)_panels.Length * sizeof(float);

    /// <summary>The first float of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Panel(int panel) => _panels.Pointer + panel * _panelSize;
}
