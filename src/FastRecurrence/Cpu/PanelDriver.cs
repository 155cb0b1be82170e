using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// From a panel and a step to finished units: the products, and what the cell makes of them. Knows no cell: its pointwise part comes as pointers, the
/// rest as data.
/// </summary>
internal readonly unsafe struct PanelDriver<V, L>(LayerShape shape, PackedWeights weights, CpuState state)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PanelProducts<V, L> _products = new(weights, state.Zeros);
    private readonly PointwiseKernels _pointwise = PointwiseKernels.Of<V, L>(shape);
    private readonly CellSettings _settings = CellSettings.From(shape);
    private readonly PanelLayout _layout = weights.Layout;
    private readonly int _inputSize = shape.InputSize, _hiddenSize = shape.HiddenSize, _outputSize = shape.OutputSize, _gateCount = shape.GateCount;
    private readonly bool _hasCell = shape.HasCellState, _waits = weights.SecondProduct == SecondProduct.Candidate;

    /// <summary>Whether a single row takes panels in pairs, with x·W and without.</summary>
    private readonly bool _pairs = Tuning.PairPanels(weights.Format, weights.Input.Bytes + weights.Recurrent.Bytes);

    private readonly bool _recurrentPairs = Tuning.PairPanels(weights.Format, weights.Recurrent.Bytes);

    /// <summary>
    /// Whether the panels of a single row may pass for rows of one: nothing of the cell differs from panel to panel, and its first product is its
    /// last.
    /// </summary>
    private readonly bool _panelsAsRows = !shape.Peepholes && weights.SecondProduct == SecondProduct.None;

    /// <summary>Whether a tile goes through both products at once.</summary>
    private readonly bool _chained = weights.Tuning.ChainProducts(weights);

    /// <summary>One panel of a step, block of rows by block of rows.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="nextPanel">The panel after it.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="projected">b + x·W of the step's rows in this panel, or null to compute it.</param>
    /// <param name="worker">Whose scratch to use.</param>
    public void Panel(int panel, int nextPanel, in StepView step, float* projected, int worker)
    {
        float* scratch = state.Scratch(worker);
        for (int row = 0; row < step.Rows; row += weights.Tuning.RowsPerBlock)
        {
            int rows = Math.Min(weights.Tuning.RowsPerBlock, step.Rows - row);
            RowView x = step.Input.From(row), h = step.Before.From(row);
            if (projected != null)
            {
                _products.Recurrent(panel, rows, h, projected + (nint)row * _layout.Width, scratch, nextPanel, inputIsDone: true);
            }
            else if (_chained)
            {
                _products.Chained(panel, rows, x, h, scratch);
            }
            else
            {
                _products.Input(panel, rows, x, weights.Input.Panel(panel), scratch, _products.NextRecurrent(panel));
                _products.Recurrent(panel, rows, h, scratch, scratch, nextPanel, inputIsDone: false);
            }

            Finish(panel, step, row, rows, scratch);
        }
    }

    /// <summary>b + x·W for the rows of a chunk, block by block: one panel.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="nextPanel">The panel after it.</param>
    /// <param name="rows">Rows of the chunk.</param>
    /// <param name="x">Their x.</param>
    /// <param name="projected">Sums of the panel, <c>[rows][stride][lanes]</c>.</param>
    /// <param name="worker">Whose scratch to use.</param>
    public void ChunkInput(int panel, int nextPanel, int rows, in RowView x, float* projected, int worker)
    {
        float* w = _products.InputPanel(panel, weights.Format == WeightFormat.Float32 ? null : state.Decoded(worker));
        NextPanel next = _products.NextInput(nextPanel);
        for (int row = 0; row < rows; row += weights.Tuning.RowsPerBlock)
            _products.Input(panel, Math.Min(weights.Tuning.RowsPerBlock, rows - row), x.From(row), w, projected + (nint)row * _layout.Width, next);
    }

    /// <summary>b + W's column of each row's feature: one panel.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="rows">Rows of the chunk.</param>
    /// <param name="features">Features of all rows, in the caller's memory: another thread may have changed them since they were checked.</param>
    /// <param name="places">Where those of the chunk lie.</param>
    /// <param name="projected">Sums of the panel, <c>[rows][stride][lanes]</c>.</param>
    public void LookUp(int panel, int rows, int* features, int* places, float* projected)
    {
        float* b = weights.Bias(panel);
        for (int row = 0; row < rows; row++)
        {
            int feature = Math.Clamp(features[places[row]], 0, _inputSize - 1);
            float* w = weights.Input.Panel(panel) + (nint)feature * weights.Input.Width, to = projected + (nint)row * _layout.Width;
            for (int i = 0; i < _layout.Width; i += L.Count)
                L.Store(i < weights.Input.Width ? L.Add(L.Load(b + i), L.Load(w + i)) : L.Load(b + i), to + i);
        }
    }

    /// <summary>
    /// Some neighbouring panels of a step of a batch of one: all their products, then one pointwise pass for all, which takes them
    /// for rows. So the latency of that pass is paid once.
    /// </summary>
    /// <param name="panel">The first panel.</param>
    /// <param name="count">Panels.</param>
    /// <param name="backwards">Whether to multiply the last panel first.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="projected">b + x·W of the row in the first panel, or null to compute it.</param>
    /// <param name="projectedStep">Floats to the next panel's.</param>
    /// <param name="worker">Whose scratch to use.</param>
    public void SingleRow(int panel, int count, bool backwards, in StepView step, float* projected, nint projectedStep, int worker)
    {
        nint width = _layout.Width;
        float* scratch = state.Scratch(worker), x = step.Input[0], h = step.Before[0];
        bool paired = projected == null ? _pairs : _recurrentPairs;
        if (weights.Format != WeightFormat.Float32)
            PadRow(state.Padded(worker), ref x, ref h);
        var row = new SingleRow(x, projected == null ? _inputSize : 0, h);
        for (int done = 0; done < count;)
        {
            int taken = paired && done + 1 < count ? 2 : 1;
            int at = backwards ? count - done - taken : done;
            float* start = projected == null ? weights.Bias(panel + at) : projected + at * projectedStep;
            _products.Single(panel + at, taken, row, start, projected == null ? width : projectedStep, scratch + at * width);
            done += taken;
        }

        FinishSingleRow(panel, count, step, scratch);
    }

    /// <summary>One panel of the second product of a step, once the first is complete.</summary>
    public void SecondPanel(int panel, in StepView step, int worker)
    {
        float* scratch = state.Scratch(worker);
        PanelLayout layout = weights.SecondLayout;
        IntermediateBuffers between = state.Intermediate!;
        int unit = layout.FirstUnit(panel), units = layout.UnitsIn(panel);
        for (int row = 0; row < step.Rows; row += weights.Tuning.RowsPerBlock)
        {
            int rows = Math.Min(weights.Tuning.RowsPerBlock, step.Rows - row);
            _products.Second(panel, rows, between.Rows.From(row), between.Start(panel, row), between.StartStep, scratch);
            RowView hidden = step.Hidden.From(row).Columns(unit);
            if (!_waits)
            {
                PartialVector<V, L>.CopyRows(scratch, layout.Width, rows, hidden, units);
                continue;
            }

            var block = new PointwiseBlock
            {
                Preactivations = scratch,
                Rows = rows,
                Vectors = layout.Stride,
                Units = units,
                KeepGates = !step.Gates.IsEmpty || state.Tape is not null,
                Cell = between.Kept.From(row).Columns(unit),
                Before = step.Before.From(row).Columns(unit),
                Hidden = hidden,
            };
            _pointwise.Emit(block, _settings);
            if (state.Tape is { } tape)
                TapeWriter<V, L>.KeepCandidate(tape, unit, step.TapeRow + row, block);
            if (!step.Gates.IsEmpty)
                PartialVector<V, L>.CopyRows(scratch, layout.Width, rows, step.Gates.From(row).Columns((_gateCount - 1) * _hiddenSize + unit), units);
        }
    }

    /// <summary>Copies x and h to where zeros follow them, if their last lane is not full.</summary>
    private void PadRow(float* padded, ref float* x, ref float* h)
    {
        if (_inputSize % 4 != 0)
        {
            new ReadOnlySpan<float>(x, _inputSize).CopyTo(new Span<float>(padded, _inputSize));
            x = padded;
        }

        if (_outputSize % 4 != 0)
        {
            padded += state.PaddedHiddenStart;
            new ReadOnlySpan<float>(h, _outputSize).CopyTo(new Span<float>(padded, _outputSize));
            h = padded;
        }
    }

    /// <summary>The pointwise part of neighbouring panels of a single row: the full ones as if they were rows, a padded last one by itself.</summary>
    private void FinishSingleRow(int panel, int count, in StepView step, float* scratch)
    {
        bool asRows = _panelsAsRows && step.Gates.IsEmpty && step.Cells.IsEmpty && state.Tape is null;
        int full = !asRows ? 0 : _layout.UnitsIn(panel + count - 1) == _layout.UnitsPerPanel ? count : count - 1;
        if (full > 0)
        {
            var block = new PointwiseBlock
            {
                Preactivations = scratch,
                Rows = full,
                Vectors = _layout.Stride,
                Units = _layout.UnitsPerPanel,
                Cell = _hasCell ? new RowView(state.Cell(panel), state.Identity, L.Count) : default,
                Before = PanelRows(step.Before, panel),
                Hidden = PanelRows(step.Hidden, panel),
            };
            _pointwise.Run(block, _settings);
        }

        for (int i = full; i < count; i++)
            Finish(panel + i, step, 0, 1, scratch + (nint)i * _layout.Width);
    }

    /// <summary>The panels of a single row as rows of their own, from one on.</summary>
    private RowView PanelRows(in RowView row, int panel) => new(row[0] + _layout.FirstUnit(panel), state.Identity, _layout.UnitsPerPanel);

    /// <summary>The pointwise part of a block, and its optional outputs.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="step">The step's memory.</param>
    /// <param name="row">The block's first row.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="scratch">Its preactivations.</param>
    private void Finish(int panel, in StepView step, int row, int rows, float* scratch)
    {
        int unit = _layout.FirstUnit(panel), units = _layout.UnitsIn(panel);
        var block = new PointwiseBlock
        {
            Preactivations = scratch,
            Rows = rows,
            Vectors = _layout.Stride,
            Units = units,
            KeepGates = _waits || !step.Gates.IsEmpty || state.Tape is not null,
            Peepholes = weights.Peepholes(panel),
            Cell = _hasCell ? new RowView(state.Cell(panel), step.Order + row, L.Count) : default,
            Before = step.Before.From(row).Columns(unit),
            Hidden = (state.Intermediate is null ? step.Hidden : state.Intermediate.Rows).From(row).Columns(unit),
        };
        _pointwise.Run(block, _settings);
        if (state.Tape is { } tape)
        {
            TapeWriter<V, L>.Keep(tape, _layout, panel, step.TapeRow + row, block);
            if (weights.SecondProduct == SecondProduct.Projection)
                TapeWriter<V, L>.KeepOperand(tape, _layout, panel, step.TapeRow + row, block);
        }

        if (_waits)
            KeepForSecondProduct(unit, units, row, rows, scratch);
        if (!step.Cells.IsEmpty)
            PartialVector<V, L>.CopyRows(block.Cell, rows, step.Cells.From(row).Columns(unit), units);
        for (int gate = 0; gate < _gateCount && !step.Gates.IsEmpty; gate++)
            PartialVector<V, L>.CopyRows(scratch + gate * L.Count, _layout.Width, rows, step.Gates.From(row).Columns(gate * _hiddenSize + unit), units);
    }

    /// <summary>
    /// What <see cref="ICell.Emit"/> needs when the second product is complete: the activated gate in column 1, and where the candidate in column 2
    /// starts.
    /// </summary>
    private void KeepForSecondProduct(int unit, int units, int row, int rows, float* scratch)
    {
        IntermediateBuffers between = state.Intermediate!;
        PartialVector<V, L>.CopyRows(scratch + L.Count, _layout.Width, rows, between.Kept.From(row).Columns(unit), units);
        PartialVector<V, L>.CopyRows(scratch + 2 * L.Count, _layout.Width, rows, between.StartsOfUnit(unit).From(row), L.Count);
    }
}
