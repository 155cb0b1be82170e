using FastRecurrence.Cells;
using FastRecurrence.Cpu;

namespace FastRecurrence.Layout;

/// <summary>All weights of one layer as panels of one vector width. Only <see cref="Load(LayerWeights)"/> changes them.</summary>
internal sealed unsafe class PackedWeights
{
    private static readonly int[] s_peepholeColumns = [0, 1, 2], s_candidateColumns = [TapeLayout.CandidateColumn], s_firstColumn = [0];
    private readonly PackedMatrix _bias;
    private readonly PackedMatrix? _peepholes, _inputScales, _recurrentScales;

    public PackedWeights(LayerWeights weights, int lanes, WeightFormat format)
    {
        LayerShape shape = weights.Shape;
        CellDescription cell = shape.Describe();
        if (cell.HasOneColumn && cell.HasCell)
            throw new NotSupportedException($"The CPU kernels keep no c for a cell with one gate, such as {shape.Definition.NameWithArticle}.");
        int H = shape.HiddenSize, I = shape.InputSize, P = shape.OutputSize;
        PanelLayout layout = cell.HasOneColumn ? PanelLayout.OfRuns(H, lanes) : PanelLayout.OfGates(H, lanes, cell.ColumnCount);
        IReadOnlyList<int> all = [.. Enumerable.Range(0, layout.Stride)];
        IReadOnlyList<int> inputColumns = cell.HasOneColumn ? all : cell.InputColumns, biasColumns = cell.HasOneColumn ? all : cell.BiasColumns;
        IReadOnlyList<int> recurrentColumns = !cell.HasOneColumn ? cell.RecurrentColumns : cell.RecurrentBlocks == 0 ? [] : all;
        PackedMatrix Pack(string what, ReadOnlySpan<float> source, int depth, int width, SourceRow row) =>
            new(what, source, depth, layout.PanelCount, width, lanes, row);
        // A panel of W or R has a vector a block; a row of b or of scales has a vector a column.
        int Row(int panel, int block, int lane) => layout.SourceRow(panel, block, lane);
        SourceRow InColumns(IReadOnlyList<int> columns) =>
            (panel, column, lane) => IndexOf(columns, column) is >= 0 and int block ? Row(panel, block, lane) : -1;

        Layout = layout;
        Format = format;
        InputPattern = ColumnPatterns.Of(inputColumns, layout.Stride, shape.Definition.NameWithArticle);
        RecurrentPattern = ColumnPatterns.Of(recurrentColumns, layout.Stride, shape.Definition.NameWithArticle);
        InputDepth = I;
        RecurrentDepth = recurrentColumns.Count == 0 ? 0 : P;
        if (format == WeightFormat.Float32)
        {
            Input = Pack("packed W", weights.InputWeights, I, inputColumns.Count, Row);
            Recurrent = Pack("packed R", weights.RecurrentWeights, RecurrentDepth, recurrentColumns.Count, Row);
        }
        else
        {
            NarrowMatrix w = NarrowMatrix.Encode(format, weights.InputWeights, shape.GateCount * H, I);
            NarrowMatrix r = NarrowMatrix.Encode(format, weights.RecurrentWeights, shape.RecurrentBlockCount * H, RecurrentDepth);
            Input = Pack("stored W", w.Lanes, w.Groups, inputColumns.Count, Row);
            Recurrent = Pack("stored R", r.Lanes, r.Groups, recurrentColumns.Count, Row);
            _inputScales = Pack("scales of W", w.Scales, 1, layout.Stride, InColumns(inputColumns));
            _recurrentScales = Pack("scales of R", r.Scales, 1, layout.Stride, InColumns(recurrentColumns));
        }

        _bias = Pack("packed b", weights.Bias, 1, layout.Stride, InColumns(biasColumns));
        if (shape.Peepholes)
            _peepholes = Pack("packed peepholes", weights.Peepholes, 1, 3, Row);

        SecondProduct = cell.Second;
        if (cell.Second == SecondProduct.Candidate)
            (SecondLayout, SecondWeights) = Runs("packed R of the candidate", weights.RecurrentWeights, H, H, lanes, (cell.RecurrentBlocks - 1) * H);
        else if (cell.Second == SecondProduct.Projection)
            (SecondLayout, SecondWeights) = Runs("packed projection", weights.Projection, P, H, lanes, 0);
    }

    public PanelLayout Layout { get; }

    /// <summary>How the loops over these weights use the caches.</summary>
    public Tuning Tuning { get; } = Tuning.Current;

    public WeightFormat Format { get; }

    /// <summary>Columns to which x·W adds.</summary>
    public ColumnPattern InputPattern { get; }

    /// <summary>Columns to which h·R adds.</summary>
    public ColumnPattern RecurrentPattern { get; }

    /// <summary>Terms of x·W.</summary>
    public int InputDepth { get; }

    /// <summary>Terms of h·R; 0 where the cell has no R.</summary>
    public int RecurrentDepth { get; }

    /// <summary>Memory that a step without a projected input reads.</summary>
    public long Bytes => Input.Bytes + Recurrent.Bytes + (SecondWeights?.Bytes ?? 0);

    /// <summary>W as stored. Products of many rows take float32: of a narrow format each panel is decoded when its turn comes.</summary>
    public PackedMatrix Input { get; }

    /// <summary>R as stored, less a block that the second product multiplies.</summary>
    public PackedMatrix Recurrent { get; }

    /// <summary>What a step multiplies once all its units are through the first product.</summary>
    public SecondProduct SecondProduct { get; }

    /// <summary>The weights of that product; null without. Always float32.</summary>
    public PackedMatrix? SecondWeights { get; }

    /// <summary>Their panels.</summary>
    public PanelLayout SecondLayout { get; }

    /// <summary>b of a panel, a row of preactivations.</summary>
    public float* Bias(int panel) => _bias.Panel(panel);

    /// <summary>Scales of W of a panel, a row of preactivations; null in a format without.</summary>
    public float* InputScales(int panel) => _inputScales is null ? null : _inputScales.Panel(panel);

    /// <summary>Scales of R of a panel, likewise.</summary>
    public float* RecurrentScales(int panel) => _recurrentScales is null ? null : _recurrentScales.Panel(panel);

    /// <summary>Peephole weights of a panel, <c>[3][lanes]</c> in the order i, f, o; null without.</summary>
    public float* Peepholes(int panel) => _peepholes is null ? null : _peepholes.Panel(panel);

    /// <summary>Packs the weights of the same shape into the same memory. Allocates nothing.</summary>
    public void Load(LayerWeights weights)
    {
        Input.Load(weights.InputWeights);
        Recurrent.Load(weights.RecurrentWeights);
        _bias.Load(weights.Bias);
        _peepholes?.Load(weights.Peepholes);
        SecondWeights?.Load(SecondProduct == SecondProduct.Candidate ? weights.RecurrentWeights : weights.Projection);
    }

    /// <summary>Packs weights in the order of gradients, float32 only. Allocates nothing.</summary>
    public void Load(ParameterBuffer parameters)
    {
        TapeLayout tape = parameters.Layout;
        parameters.Factors(0).PackTo(Input, Layout, tape.InputColumns);
        if (RecurrentDepth > 0)
            parameters.Factors(parameters.HiddenStart).PackTo(Recurrent, Layout, tape.RecurrentColumns);
        parameters.Factors(parameters.BiasStart).SpreadTo(_bias, Layout, tape.BiasColumns);
        if (_peepholes is not null)
            parameters.PeepholeFactors().PackTo(_peepholes, Layout, s_peepholeColumns);
        if (SecondProduct == SecondProduct.Candidate)
            parameters.Factors(parameters.OperandStart).PackTo(SecondWeights!, SecondLayout, s_candidateColumns);
        else if (SecondWeights is not null)
            parameters.ProjectionFactors().PackTo(SecondWeights, SecondLayout, s_firstColumn);
    }

    private static (PanelLayout Layout, PackedMatrix Matrix) Runs(string what, ReadOnlySpan<float> source, int units, int depth, int lanes, int firstRow)
    {
        PanelLayout layout = PanelLayout.OfRuns(units, lanes);
        return (layout, new PackedMatrix(what, source, depth, layout.PanelCount, layout.Stride, lanes, (panel, column, lane) =>
            layout.SourceRow(panel, column, lane, firstRow)));
    }

    private static int IndexOf(IReadOnlyList<int> columns, int column)
    {
        for (int block = 0; block < columns.Count; block++)
        {
            if (columns[block] == column)
                return block;
        }

        return -1;
    }
}
