namespace FastRecurrence.Layout;

/// <summary>
/// W or R for the products of a backward pass, <c>dG·W</c> and <c>dG·R</c>: panels <c>[panel of columns][block][place in the block][lane]</c>. Every
/// row of a panel is a run of a row of the matrix, so nothing is transposed. Places without a source row are zero.
/// </summary>
internal sealed unsafe class TransposedMatrix
{
    private readonly AlignedBuffer _panels;
    private readonly TapeLayout _tape;
    private readonly nint _panelSize;

    /// <param name="what">Its name, for a refusal of its size.</param>
    /// <param name="source">Row-major, <paramref name="width"/> columns.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="tape">The order of the rows.</param>
    /// <param name="columns">The column of a tape's block that each block of rows belongs to, at least one.</param>
    /// <param name="lanes">Floats in a vector.</param>
    public TransposedMatrix(string what, ReadOnlySpan<float> source, int width, TapeLayout tape, int[] columns, int lanes)
    {
        _tape = tape;
        Layout = PanelLayout.OfRuns(width, lanes);
        Runs = TapeLayout.Runs(columns);
        BlockDepth = columns.Length * TapeLayout.Lanes;
        _panelSize = (nint)tape.BlockCount * BlockDepth * Layout.Width;
        _panels = new AlignedBuffer(what, Layout.PanelCount, tape.BlockCount, BlockDepth, Layout.Width);
        Load(source);
    }

    /// <summary>Columns of the matrix as panels.</summary>
    public PanelLayout Layout { get; }

    /// <summary>The parts of a tape's row that the product reads.</summary>
    public (int Start, int Length)[] Runs { get; }

    /// <summary>Terms of a sum from one block.</summary>
    public int BlockDepth { get; }

    /// <summary>Packs another matrix of the same size into the same memory. Allocates nothing; no product may be in progress.</summary>
    public void Load(ReadOnlySpan<float> source)
    {
        for (int panel = 0; panel < Layout.PanelCount; panel++)
        {
            int first = Layout.FirstUnit(panel), units = Layout.UnitsIn(panel);
            float* destination = Panel(panel);
            for (int block = 0; block < _tape.BlockCount; block++)
            {
                for (int place = 0; place < BlockDepth; place++, destination += Layout.Width)
                {
                    int row = _tape.SourceRow(block, place / TapeLayout.Lanes, place % TapeLayout.Lanes);
                    if (row >= 0)
                        source.Slice(row * Layout.Units + first, units).CopyTo(new Span<float>(destination, units));
                }
            }
        }
    }

    /// <summary>The first float of a panel.</summary>
    public float* Panel(int panel) => _panels.Pointer + panel * _panelSize;
}
