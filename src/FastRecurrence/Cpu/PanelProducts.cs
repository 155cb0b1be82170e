using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The matrix products of a layer, panel by panel: hands each to the tile that is compiled for its columns and for the format of its weights.
/// Nothing else chooses among those.
/// </summary>
internal readonly unsafe struct PanelProducts<V, L>(PackedWeights weights, float* zeros)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PanelLayout _layout = weights.Layout;
    private readonly ColumnPattern _inputPattern = weights.InputPattern, _recurrentPattern = weights.RecurrentPattern;

    /// <summary>Where weights come from in a step that multiplies x and h.</summary>
    private readonly CacheLevel _level = weights.Tuning.LevelOf(weights.Bytes);

    /// <summary>Where R comes from in a step whose x·W is there already: no farther, and nearer where W is what is too much.</summary>
    private readonly CacheLevel _recurrentLevel =
        weights.Tuning.LevelOf(weights.Bytes) == CacheLevel.Memory ? weights.Tuning.LevelOf(weights.Recurrent.Bytes) : weights.Tuning.LevelOf(weights.Bytes);

    /// <summary>W of a panel in float32: where it lies, or decoded into <paramref name="decoded"/>.</summary>
    public float* InputPanel(int panel, float* decoded)
    {
        float* stored = weights.Input.Panel(panel);
        if (weights.Format == WeightFormat.Float32)
            return stored;
        PanelDecoder<V, L>.Decode(weights.Format, stored, weights.InputDepth, weights.Input.Width, decoded);
        return decoded;
    }

    /// <summary>What to prefetch while panels of W pass by in turn; narrow panels are decoded when they come, and not prefetched.</summary>
    public NextPanel NextInput(int panel) => weights.Format == WeightFormat.Float32 ? new(weights.Input.Panel(panel), _level) : default;

    /// <summary>What to prefetch where R of a panel follows its W.</summary>
    public NextPanel NextRecurrent(int panel) => new(weights.Recurrent.Panel(panel), _level);

    /// <summary>c = b + x·W for a block of rows.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="x">x, I wide.</param>
    /// <param name="w">W of the panel, from <see cref="InputPanel"/>.</param>
    /// <param name="c">Preactivations, <c>[rows][stride][lanes]</c>.</param>
    /// <param name="next">Weights that are needed next.</param>
    public void Input(int panel, int rows, in RowView x, float* w, float* c, NextPanel next)
    {
        var operands = new GemmOperands(weights.InputDepth, x, w);
        float* b = weights.Bias(panel), scale = weights.InputScales(panel);
        bool scaled = weights.Format == WeightFormat.Int8;
        Block(_inputPattern, rows, operands, scaled ? zeros : b, 0, c, next);
        for (int i = 0; scaled && i < rows * _layout.Stride; i++)
        {
            int column = i % _layout.Stride * L.Count;
            L.Store(L.MultiplyAdd(L.Load(c + i * L.Count), L.Load(scale + column), L.Load(b + column)), c + i * L.Count);
        }
    }

    /// <summary>c = start + h·R for a block of rows. <paramref name="nextPanel"/> of W follows, or of R where x·W is there already.</summary>
    public void Recurrent(int panel, int rows, in RowView h, float* start, float* c, int nextPanel, bool inputIsDone)
    {
        NextPanel next = inputIsDone ? new(weights.Recurrent.Panel(nextPanel), _recurrentLevel) : new(weights.Input.Panel(nextPanel), _level);
        var operands = new GemmOperands(weights.RecurrentDepth, h, weights.Recurrent.Panel(panel));
        Block(_recurrentPattern, rows, operands, start, _layout.Width, c, next);
    }

    /// <summary>c = b + x·W + h·R for a block of rows, tile by tile, of a cell whose products have the same columns.</summary>
    public void Chained(int panel, int rows, in RowView x, in RowView h, float* c)
    {
        var recurrent = new GemmOperands(weights.RecurrentDepth, h, weights.Recurrent.Panel(panel));
        var input = new GemmOperands(weights.InputDepth, x, weights.Input.Panel(panel), &recurrent);
        Block(_recurrentPattern, rows, input, weights.Bias(panel), 0, c, default);
    }

    /// <summary>c = start + A·B for a block of rows of the second product.</summary>
    public void Second(int panel, int rows, in RowView a, float* start, nint startStep, float* c)
    {
        var operands = new GemmOperands(weights.SecondWeights!.Depth, a, weights.SecondWeights.Panel(panel));
        Block(weights.SecondLayout.Stride == 2 ? ColumnPattern.Two : ColumnPattern.Four, rows, operands, start, startStep, c, default);
    }

    /// <summary>c = start + x·W + h·R of a single row, for one panel or two neighbouring ones.</summary>
    /// <param name="panel">The first panel.</param>
    /// <param name="count">1 or 2.</param>
    /// <param name="row">x and h.</param>
    /// <param name="start">Starts of the sums; with x·W in them where <see cref="SingleRow.InputSize"/> is 0.</param>
    /// <param name="startStep">Floats to those of the second panel.</param>
    /// <param name="c">Preactivations.</param>
    public void Single(int panel, int count, in SingleRow row, float* start, nint startStep, float* c)
    {
        var operands = new GemvOperands
        {
            InputSize = row.InputSize,
            X = row.X,
            W = weights.Input.Panel(panel),
            ScaleW = weights.InputScales(panel),
            HiddenSize = weights.RecurrentDepth,
            H = row.H,
            R = weights.Recurrent.Panel(panel),
            ScaleR = weights.RecurrentScales(panel),
            Start = start,
            StartStep = startStep,
            C = c,
        };
        switch (_recurrentPattern)
        {
            case ColumnPattern.FirstTwoOfFour: Gemv<FirstThreeOfFourColumns, FirstTwoOfFourColumns>(count, operands); break;
            case ColumnPattern.FirstTwoAndLastOfFour: Gemv<FirstThreeOfFourColumns, FirstTwoAndLastOfFourColumns>(count, operands); break;
            case ColumnPattern.Two: Gemv<TwoColumns, TwoColumns>(count, operands); break;
            default: Gemv<FourColumns, FourColumns>(count, operands); break;
        }
    }

    private void Gemv<CW, CR>(int count, in GemvOperands operands)
        where CW : struct, IColumns
        where CR : struct, IColumns
    {
        switch (weights.Format)
        {
            case WeightFormat.Float32: Gemv<CW, CR, Float32Weights>(count, operands); break;
            case WeightFormat.Bfloat16: Gemv<CW, CR, Bfloat16Weights>(count, operands); break;
            default: Gemv<CW, CR, Int8Weights>(count, operands); break;
        }
    }

    private static void Gemv<CW, CR, W>(int count, in GemvOperands operands)
        where CW : struct, IColumns
        where CR : struct, IColumns
        where W : struct, IWeightDecoding
    {
        if (count == 1)
            Gemv<V, L, CW, CR, W>.One(operands);
        else
            Gemv<V, L, CW, CR, W>.Two(operands);
    }

    private static void Block(ColumnPattern columns, int rows, in GemmOperands operands, float* start, nint startStep, float* c, NextPanel next)
    {
        switch (columns)
        {
            case ColumnPattern.FirstThreeOfFour: Gemm<V, L, FirstThreeOfFourColumns>.Block(rows, operands, start, startStep, c, next); break;
            case ColumnPattern.FirstTwoAndLastOfFour: Gemm<V, L, FirstTwoAndLastOfFourColumns>.Block(rows, operands, start, startStep, c, next); break;
            case ColumnPattern.FirstTwoOfFour: Gemm<V, L, FirstTwoOfFourColumns>.Block(rows, operands, start, startStep, c, next); break;
            case ColumnPattern.Two: Gemm<V, L, TwoColumns>.Block(rows, operands, start, startStep, c, next); break;
            default: Gemm<V, L, FourColumns>.Block(rows, operands, start, startStep, c, next); break;
        }
    }
}

/// <summary>x and h of a batch of one. In a narrow format each is followed by zeros up to a full lane of weights.</summary>
internal readonly unsafe struct SingleRow(float* x, int inputSize, float* h)
{
    public float* X { get; } = x;

    /// <summary>I; 0 where x·W is in the starts of the sums already.</summary>
    public int InputSize { get; } = inputSize;

    public float* H { get; } = h;
}
