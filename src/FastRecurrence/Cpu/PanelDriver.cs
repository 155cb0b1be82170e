using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// From a panel and a step to finished units: the products and the epilogue of the layer's cell. The one place that knows
/// which columns and which epilogue a cell has.
/// </summary>
internal readonly unsafe struct PanelDriver<V, L>(LayerShape shape, PackedWeights weights, CpuState state)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PanelLayout _layout = weights.Layout;
    private readonly CellKind _cell = shape.Cell;
    private readonly int _inputSize = shape.InputSize, _outputSize = shape.OutputSize;
    private readonly bool _resetsFirst = shape.Cell == CellKind.Gru && !shape.LinearBeforeReset, _standard = shape.IsStandard;

    /// <summary>Whether a lone row takes panels in pairs, with x·W and without.</summary>
    private readonly bool _pairs = Tuning.PairPanels(weights.Format, weights.Input.Bytes + weights.Recurrent.Bytes), _recurrentPairs = Tuning.PairPanels(weights.Format, weights.Recurrent.Bytes);

    /// <summary>Whether the panels of a lone row may pass for rows of one: a textbook cell that ends with its epilogue.</summary>
    private readonly bool _panelsAsRows = shape.IsStandard && state.Between is null;

    /// <summary>Where weights come from in a step that multiplies x and h.</summary>
    private readonly WeightsAt _at = Tuning.At(weights.Bytes);

    /// <summary>Where R comes from in a step whose x·W is there already: no farther, and nearer where W is what is too much.</summary>
    private readonly WeightsAt _recurrentAt = Tuning.At(weights.Bytes) == WeightsAt.Memory ? Tuning.At(weights.Recurrent.Bytes) : Tuning.At(weights.Bytes);

    /// <summary>Whether a tile goes through both products at once.</summary>
    private readonly bool _chained = Tuning.ChainProducts(shape.Cell, weights);

    /// <summary>One panel of a step, block of rows by block of rows.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="nextPanel">The panel after it.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="projected">b + x·W of the step's rows in this panel, or null to compute it.</param>
    /// <param name="worker">Whose scratch to use.</param>
    public void Panel(int panel, int nextPanel, in StepView step, float* projected, int worker)
    {
        float* scratch = state.Scratch(worker);
        for (int row = 0; row < step.Rows; row += Tuning.RowsPerBlock)
        {
            int rows = Math.Min(Tuning.RowsPerBlock, step.Rows - row);
            RowView x = step.Input.From(row), h = step.Before.From(row);
            if (projected != null)
            {
                Recurrent(panel, rows, h, projected + (nint)row * _layout.Width, scratch, new(weights.Recurrent.Panel(nextPanel), _recurrentAt));
            }
            else if (_chained)
            {
                Both(panel, rows, x, h, scratch);
            }
            else
            {
                Input(panel, rows, x, weights.Input.Panel(panel), scratch, new(weights.Recurrent.Panel(panel), _at));
                Recurrent(panel, rows, h, scratch, scratch, new(weights.Input.Panel(nextPanel), _at));
            }

            Finish(panel, step, row, rows, scratch, worker);
        }
    }

    /// <summary>
    /// Some neighbouring panels of a step of a batch of one: all their products, then one epilogue for all, which takes them
    /// for rows. So the latency of an epilogue is paid once.
    /// </summary>
    /// <param name="panel">The first panel.</param>
    /// <param name="count">Panels.</param>
    /// <param name="backwards">Whether to multiply the last panel first.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="projected">b + x·W of the row in the first panel, or null to compute it.</param>
    /// <param name="projectedStep">Floats to the next panel's.</param>
    /// <param name="worker">Whose scratch to use.</param>
    public void LoneRow(int panel, int count, bool backwards, in StepView step, float* projected, nint projectedStep, int worker)
    {
        nint width = _layout.Width;
        float* scratch = state.Scratch(worker);
        bool paired = projected == null ? _pairs : _recurrentPairs;
        float* x = step.Input[0], h = step.Before[0];
        if (weights.Format != WeightFormat.Float32)
            PadRow(state.Padded(worker), ref x, ref h);
        for (int done = 0; done < count;)
        {
            int taken = paired && done + 1 < count ? 2 : 1;
            int at = backwards ? count - done - taken : done;
            float* start = projected == null ? weights.Bias(panel + at) : projected + at * projectedStep;
            Lone(panel + at, taken, x, h, projected == null ? _inputSize : 0, start, projected == null ? width : projectedStep, scratch + at * width);
            done += taken;
        }

        FinishLoneRow(panel, count, step, scratch, worker);
    }

    /// <summary>Copies x and h to where zeros follow them, if their last lane is not full.</summary>
    private void PadRow(float* padded, ref float* x, ref float* h)
    {
        if (shape.InputSize % 4 != 0)
        {
            new ReadOnlySpan<float>(x, shape.InputSize).CopyTo(new Span<float>(padded, shape.InputSize));
            x = padded;
        }

        if (shape.OutputSize % 4 != 0)
        {
            padded += state.PaddedHiddenStart;
            new ReadOnlySpan<float>(h, shape.OutputSize).CopyTo(new Span<float>(padded, shape.OutputSize));
            h = padded;
        }
    }

    private void Lone(int panel, int count, float* x, float* h, int inputSize, float* start, nint startStep, float* c)
    {
        switch (_cell)
        {
            case CellKind.Gru when _resetsFirst: Lone<GruInput, GruGates>(panel, count, x, h, inputSize, start, startStep, c); break;
            case CellKind.Gru: Lone<GruInput, GruRecurrent>(panel, count, x, h, inputSize, start, startStep, c); break;
            case CellKind.Elman when _layout.Stride == 2: Lone<TwoColumns, TwoColumns>(panel, count, x, h, inputSize, start, startStep, c); break;
            default: Lone<FourColumns, FourColumns>(panel, count, x, h, inputSize, start, startStep, c); break;
        }
    }

    private void Lone<CW, CR>(int panel, int count, float* x, float* h, int inputSize, float* start, nint startStep, float* c)
        where CW : struct, IColumns
        where CR : struct, IColumns
    {
        switch (weights.Format)
        {
            case WeightFormat.Float32: Lone<CW, CR, Float32Weights>(panel, count, x, h, inputSize, start, startStep, c); break;
            case WeightFormat.Bfloat16: Lone<CW, CR, Bfloat16Weights>(panel, count, x, h, inputSize, start, startStep, c); break;
            default: Lone<CW, CR, Int8Weights>(panel, count, x, h, inputSize, start, startStep, c); break;
        }
    }

    private void Lone<CW, CR, W>(int panel, int count, float* x, float* h, int inputSize, float* start, nint startStep, float* c)
        where CW : struct, IColumns
        where CR : struct, IColumns
        where W : struct, IWeightDecoding
    {
        float* w = weights.Input.Panel(panel), r = weights.Recurrent.Panel(panel), scaleW = weights.InputScales(panel), scaleR = weights.RecurrentScales(panel);
        if (count == 1)
            Gemv<V, L, CW, CR, W>.One(inputSize, x, w, scaleW, _outputSize, h, r, scaleR, start, c);
        else
            Gemv<V, L, CW, CR, W>.Two(inputSize, x, w, scaleW, _outputSize, h, r, scaleR, start, startStep, c);
    }

    /// <summary>W of a panel in float32: where it lies, or decoded into the worker's scratch.</summary>
    public float* InputPanel(int panel, int worker)
    {
        float* stored = weights.Input.Panel(panel);
        if (weights.Format == WeightFormat.Float32)
            return stored;
        float* decoded = state.Decoded(worker);
        PanelDecoder<V, L>.Decode(weights.Format, stored, _inputSize, weights.Input.Width, decoded);
        return decoded;
    }

    /// <summary>What to fetch while the panels of W pass by in turn; narrow panels are decoded when they come, and not fetched.</summary>
    public NextPanel NextInput(int panel) => weights.Format == WeightFormat.Float32 ? new(weights.Input.Panel(panel), _at) : default;

    /// <summary>c = b + x·W for a block of rows.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="x">x.</param>
    /// <param name="w">W of the panel, from <see cref="InputPanel"/>.</param>
    /// <param name="c">The sums.</param>
    /// <param name="next">What is needed next.</param>
    public void Input(int panel, int rows, in RowView x, float* w, float* c, NextPanel next)
    {
        var product = new GemmOperands(_inputSize, x, w);
        float* b = weights.Bias(panel), scale = weights.InputScales(panel);
        bool scaled = weights.Format == WeightFormat.Int8;
        if (scaled)
            b = state.Zeros;
        switch (_cell)
        {
            case CellKind.Gru: Gemm<V, L, GruInput>.Block(rows, product, b, 0, c, next); break;
            case CellKind.Elman when _layout.Stride == 2: Gemm<V, L, TwoColumns>.Block(rows, product, b, 0, c, next); break;
            default: Gemm<V, L, FourColumns>.Block(rows, product, b, 0, c, next); break;
        }

        for (int i = 0; scaled && i < rows * _layout.Stride; i++)
        {
            int column = i % _layout.Stride * L.Count;
            L.Store(L.MultiplyAdd(L.Load(c + i * L.Count), L.Load(scale + column), L.Load(weights.Bias(panel) + column)), c + i * L.Count);
        }
    }

    /// <summary>c = start + h·R for a block of rows.</summary>
    private void Recurrent(int panel, int rows, in RowView h, float* start, float* c, NextPanel next)
    {
        var product = new GemmOperands(_outputSize, h, weights.Recurrent.Panel(panel));
        nint width = _layout.Width;
        switch (_cell)
        {
            case CellKind.Gru when _resetsFirst: Gemm<V, L, GruGates>.Block(rows, product, start, width, c, next); break;
            case CellKind.Gru: Gemm<V, L, GruRecurrent>.Block(rows, product, start, width, c, next); break;
            case CellKind.Elman when _layout.Stride == 2: Gemm<V, L, TwoColumns>.Block(rows, product, start, width, c, next); break;
            default: Gemm<V, L, FourColumns>.Block(rows, product, start, width, c, next); break;
        }
    }

    /// <summary>c = b + x·W + h·R for a block of rows, of a cell whose products have the same columns.</summary>
    private void Both(int panel, int rows, in RowView x, in RowView h, float* c)
    {
        var recurrent = new GemmOperands(_outputSize, h, weights.Recurrent.Panel(panel));
        var input = new GemmOperands(_inputSize, x, weights.Input.Panel(panel), &recurrent);
        float* b = weights.Bias(panel);
        if (_layout.Stride == 2)
            Gemm<V, L, TwoColumns>.Block(rows, input, b, 0, c, default);
        else
            Gemm<V, L, FourColumns>.Block(rows, input, b, 0, c, default);
    }

    /// <summary>The epilogues of neighbouring panels of a lone row: the full ones as if they were rows, a padded last one by itself.</summary>
    private void FinishLoneRow(int panel, int count, in StepView step, float* scratch, int worker)
    {
        bool asRows = _panelsAsRows && step.Gates.IsEmpty && step.Cells.IsEmpty;
        int full = !asRows ? 0 : _layout.UnitsIn(panel + count - 1) == _layout.UnitsPerPanel ? count : count - 1;
        if (full > 0)
            Finish(panel, full, PanelRows(step.Before, panel), PanelRows(step.Hidden, panel), scratch);

        for (int i = full; i < count; i++)
            Finish(panel + i, step, 0, 1, scratch + (nint)i * _layout.Width, worker);
    }

    /// <summary>The panels of a lone row as rows of their own, from one on.</summary>
    private RowView PanelRows(in RowView row, int panel) => new(row[0] + _layout.FirstUnit(panel), state.Identity, _layout.UnitsPerPanel);

    /// <summary>The textbook epilogue of full panels of a lone row.</summary>
    private void Finish(int panel, int count, in RowView before, in RowView hidden, float* scratch)
    {
        switch (_cell)
        {
            case CellKind.Elman: GeneralEpilogue<V, L>.Elman(shape, scratch, count, _layout.Stride, hidden, _layout.UnitsPerPanel); break;
            case CellKind.Lstm: Epilogue<V, L>.Lstm(scratch, count, new RowView(state.Cell(panel), state.Identity, L.Count), hidden, L.Count, wantGates: false); break;
            default: Epilogue<V, L>.Gru(scratch, count, before, hidden, L.Count); break;
        }
    }

    /// <summary>The epilogue of a block, and its optional outputs.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="row">The block's first row.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="scratch">Its preactivations.</param>
    /// <param name="worker">Whose spare scratch to use.</param>
    private void Finish(int panel, in StepView step, int row, int rows, float* scratch, int worker)
    {
        int unit = _layout.FirstUnit(panel), units = _layout.UnitsIn(panel);
        RowView before = step.Before.From(row).Columns(unit), hidden = step.Hidden.From(row).Columns(unit);
        switch (_cell)
        {
            case CellKind.Elman:
                GeneralEpilogue<V, L>.Elman(shape, scratch, rows, _layout.Stride, hidden, units);
                if (!step.Gates.IsEmpty)
                    PartialVector<V, L>.CopyRows(hidden, rows, step.Gates.From(row).Columns(unit), units);
                return;
            case CellKind.Lstm:
                var cell = new RowView(state.Cell(panel), step.Order + row, L.Count);
                if (state.Between is not null)
                    hidden = state.Between.Rows.From(row).Columns(unit);
                if (_standard)
                    Epilogue<V, L>.Lstm(scratch, rows, cell, hidden, units, wantGates: !step.Gates.IsEmpty);
                else
                    GeneralEpilogue<V, L>.Lstm(shape, scratch, state.Spare(worker), rows, weights.Peepholes(panel), cell, hidden, units);
                if (!step.Cells.IsEmpty)
                    PartialVector<V, L>.CopyRows(cell, rows, step.Cells.From(row).Columns(unit), units);
                break;
            case CellKind.Gru when _resetsFirst:
                IntermediateBuffers between = state.Between!;
                GeneralEpilogue<V, L>.GruReset(shape, scratch, rows, before, between.Rows.From(row).Columns(unit), units);
                PartialVector<V, L>.CopyRows(scratch + L.Count, _layout.Width, rows, between.Update.From(row).Columns(unit), units);
                PartialVector<V, L>.CopyRows(scratch + 2 * L.Count, _layout.Width, rows, between.StartsOfUnit(unit).From(row), L.Count);
                break;
            default:
                if (_standard)
                    Epilogue<V, L>.Gru(scratch, rows, before, hidden, units);
                else
                    GeneralEpilogue<V, L>.Gru(shape, scratch, rows, before, hidden, units);
                break;
        }

        if (step.Gates.IsEmpty)
            return;
        int H = shape.HiddenSize;
        for (int gate = 0; gate < shape.GateCount; gate++)
            PartialVector<V, L>.CopyRows(scratch + gate * L.Count, _layout.Width, rows, step.Gates.From(row).Columns(gate * H + unit), units);
    }

    /// <summary>One panel of the second product of a step, once the first is complete.</summary>
    public void SecondPanel(int panel, in StepView step, int worker)
    {
        float* scratch = state.Scratch(worker);
        PanelLayout layout = weights.SecondLayout;
        IntermediateBuffers between = state.Between!;
        int H = shape.HiddenSize, unit = layout.FirstUnit(panel), units = layout.UnitsIn(panel);
        for (int row = 0; row < step.Rows; row += Tuning.RowsPerBlock)
        {
            int rows = Math.Min(Tuning.RowsPerBlock, step.Rows - row);
            var product = new GemmOperands(H, between.Rows.From(row), weights.Second!.Panel(panel));
            float* start = between.Start(panel, row);
            RowView hidden = step.Hidden.From(row).Columns(unit);
            if (layout.Stride == 2)
                Gemm<V, L, TwoColumns>.Block(rows, product, start, between.StartStep, scratch, default);
            else
                Gemm<V, L, FourColumns>.Block(rows, product, start, between.StartStep, scratch, default);

            if (_cell != CellKind.Gru)
            {
                PartialVector<V, L>.CopyRows(scratch, layout.Width, rows, hidden, units);
                continue;
            }

            GeneralEpilogue<V, L>.GruCandidate(shape, scratch, rows, layout.Stride, between.Update.From(row).Columns(unit), step.Before.From(row).Columns(unit), hidden, units);
            if (!step.Gates.IsEmpty)
                PartialVector<V, L>.CopyRows(scratch, layout.Width, rows, step.Gates.From(row).Columns(2 * H + unit), units);
        }
    }
}
