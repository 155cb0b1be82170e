using FastRecurrence.Cells;

namespace FastRecurrence.Layout;

/// <summary>
/// How the units of a layer lie in a tape: blocks of 16 units with their columns side by side, or of 32 or 64 neighbouring units of a cell with one column,
/// whatever the width of the vectors. The sums of a backward pass follow this order, so their bits do not depend on the width.
/// </summary>
internal sealed class TapeLayout
{
    /// <summary>Floats of a column of a block.</summary>
    public const int Lanes = 16;

    private readonly PanelLayout _blocks;

    public TapeLayout(LayerShape shape)
    {
        CellDescription cell = shape.Describe();
        bool oneColumn = cell.HasOneColumn;
        _blocks = oneColumn ? PanelLayout.OfRuns(shape.HiddenSize, Lanes) : PanelLayout.OfGates(shape.HiddenSize, Lanes, cell.ColumnCount);
        int[] all = [.. Enumerable.Range(0, _blocks.Stride)];
        InputColumns = oneColumn ? all : [.. cell.InputColumns];
        RecurrentColumns = !oneColumn ? [.. cell.RecurrentColumns] : cell.RecurrentBlocks == 0 ? [] : all;
        HasCandidate = cell.Second == SecondProduct.Candidate;
        BiasColumns = oneColumn ? all : [.. cell.BiasColumns];
    }

    private TapeLayout(PanelLayout runs)
    {
        _blocks = runs;
        InputColumns = RecurrentColumns = BiasColumns = [.. Enumerable.Range(0, runs.Stride)];
    }

    /// <summary>Neighbouring values, such as the h of a row.</summary>
    public static TapeLayout OfRuns(int values) => new(PanelLayout.OfRuns(values, Lanes));

    /// <summary>Blocks; the last one is padded.</summary>
    public int BlockCount => _blocks.PanelCount;

    /// <summary>Units of a full block.</summary>
    public int UnitsPerBlock => _blocks.UnitsPerPanel;

    /// <summary>Floats of a row of a block.</summary>
    public int Width => _blocks.Width;

    /// <summary>Whether a block's columns belong to the same 16 units.</summary>
    public bool Gated => _blocks.Gated;

    /// <summary>The column of the block that each block of rows of W belongs to; of a cell with one column, the runs of units.</summary>
    public int[] InputColumns { get; }

    /// <summary>Likewise for R.</summary>
    public int[] RecurrentColumns { get; }

    /// <summary>Likewise for b.</summary>
    public int[] BiasColumns { get; }

    /// <summary>
    /// Whether the last block of R belongs to a second product: its sums are in <see cref="CandidateColumn"/>, its left operand in <see cref="OperandColumn"/>.
    /// </summary>
    public bool HasCandidate { get; }

    /// <summary>The column of a candidate's preactivation.</summary>
    public static int CandidateColumn => 2;

    /// <summary>The column in which a backward pass leaves the left operand of a candidate's product.</summary>
    public static int OperandColumn => 3;

    /// <summary>The block of a unit.</summary>
    public int BlockOf(int unit) => unit / _blocks.UnitsPerPanel;

    /// <summary>Where a unit lies in a row of its block, in the first column.</summary>
    public int PlaceOf(int unit) => unit % _blocks.UnitsPerPanel;

    /// <summary>How many of a column's places belong to units: the column of a block, or its run of units.</summary>
    public int UnitsIn(int block, int column) => Math.Clamp(_blocks.UnitsIn(block) - (Gated ? 0 : column * Lanes), 0, Lanes);

    /// <summary>The row of W, R or b at a place of a block: of the matrix' row block <paramref name="index"/>; −1 for padding.</summary>
    public int SourceRow(int block, int index, int lane) => _blocks.SourceRow(block, index, lane);

    /// <summary>Neighbouring columns as one: where each run starts in a row of a block, and how long it is.</summary>
    public static (int Start, int Length)[] Runs(int[] columns)
    {
        var runs = new List<(int Start, int Length)>();
        for (int i = 0; i < columns.Length; i++)
        {
            if (i > 0 && columns[i] == columns[i - 1] + 1)
                runs[^1] = (runs[^1].Start, runs[^1].Length + Lanes);
            else
                runs.Add((columns[i] * Lanes, Lanes));
        }

        return [.. runs];
    }
}
