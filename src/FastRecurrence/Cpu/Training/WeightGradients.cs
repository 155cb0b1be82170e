using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// dW, dR and db together: <c>Σ over tape rows of [x | h₋₁ | 1]ᵀ·dG</c>, with the left operand of a candidate's product between h and 1.
/// </summary>
internal sealed unsafe class WeightGradients<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private const int ChunkRows = OuterProducts<V, L>.ChunkRows;

    /// <summary>Rows whose floats of one column fill a cache line, and columns that are transposed together.</summary>
    private const int Line = 16, StripColumns = 128;

    private readonly int _inputSize, _outputSize, _hiddenSize, _factors;
    private readonly TapeLayout _layout;
    private readonly OuterProducts<V, L> _products;
    private readonly AlignedBuffer _transposed;
    private readonly TapePiece[] _inputPieces, _hiddenPieces, _operandPieces, _biasPieces;

    public WeightGradients(LayerShape shape, TapeLayout layout, int workers, int* identity)
    {
        (_inputSize, _outputSize, _layout) = (shape.InputSize, layout.RecurrentColumns.Length == 0 ? 0 : shape.OutputSize, layout);
        _hiddenSize = shape.HiddenSize;
        _factors = _inputSize + _outputSize + (layout.HasCandidate ? _hiddenSize : 0) + 1;
        _products = new OuterProducts<V, L>(layout, workers, identity);
        (_inputPieces, _hiddenPieces) = (_products.Pieces(layout.InputColumns), _products.Pieces(layout.RecurrentColumns));
        (_operandPieces, _biasPieces) = (_products.Pieces([TapeLayout.CandidateColumn]), _products.Pieces(layout.BiasColumns));
        _transposed = new AlignedBuffer("transposed x and h", _factors, ChunkRows);
        _transposed.Span[((_factors - 1) * ChunkRows)..].Fill(1f);
    }

    /// <summary>Adds a worker's share of the gradients of W, R and b.</summary>
    /// <param name="tape">The tape, gates replaced by gradients.</param>
    /// <param name="gradients">Where they are added, or written where they are clear.</param>
    /// <param name="parts">Which are wanted.</param>
    /// <param name="x">x of the run.</param>
    /// <param name="y">y of the run.</param>
    /// <param name="worker">The worker.</param>
    /// <param name="workers">All of them.</param>
    public void Add(CpuTape tape, LayerGradients gradients, WeightParts parts, float* x, float* y, int worker, int workers)
    {
        ReadOnlySpan<WeightParts> all = [WeightParts.InputWeights, WeightParts.RecurrentWeights, WeightParts.Bias];
        long wanted = 0;
        foreach (WeightParts part in all)
            wanted += Wanted(gradients, parts, part).Count;
        long firstWanted = wanted * worker / workers, endWanted = wanted * (worker + 1) / workers;
        for (int row = 0; row < tape.Rows; row += ChunkRows)
        {
            long before = 0;
            foreach (WeightParts part in all)
            {
                (int start, int count) = Wanted(gradients, parts, part);
                int first = start + (int)Math.Clamp(firstWanted - before, 0, count), end = start + (int)Math.Clamp(endWanted - before, 0, count);
                before += count;
                if (end > first)
                    Add(tape, new Chunk(row, Math.Min(ChunkRows, tape.Rows - row), first, end), x, y, gradients, row == 0 && gradients.IsClear(part), worker);
            }
        }
    }

    /// <summary>The factors of a part, none if it is not wanted.</summary>
    private static (int Start, int Count) Wanted(LayerGradients gradients, WeightParts parts, WeightParts part)
    {
        (int start, int end) = gradients.Sums.Factors(part);
        return (start, (parts & part) == 0 ? 0 : end - start);
    }

    private void Add(CpuTape tape, in Chunk chunk, float* x, float* y, LayerGradients gradients, bool writes, int worker)
    {
        Transpose(tape, x, y, chunk);
        int h = _inputSize, operand = h + _outputSize, bias = _factors - 1;
        for (int block = 0; block < _layout.BlockCount; block++)
        {
            void Factors(int start, int end, TapePiece[] pieces, in Chunk rows)
            {
                (int first, int count) = (Math.Max(start, rows.First), Math.Min(end, rows.End) - Math.Max(start, rows.First));
                if (count <= 0)
                    return;
                var columns = new OuterColumns(tape.Columns(block, rows.Row), pieces);
                float* factors = _transposed.Pointer + (nint)first * ChunkRows;
                _products.Add(columns, rows.Rows, factors, count, gradients.Sums.Factor(block, first), writes, worker);
            }

            Factors(0, h, _inputPieces, chunk);
            Factors(h, operand, _hiddenPieces, chunk);
            Factors(operand, bias, _operandPieces, chunk);
            Factors(bias, _factors, _biasPieces, chunk);
        }
    }

    /// <summary>The factors of a chunk's rows, <c>[factor][row]</c>; the last one is 1 for ever.</summary>
    private void Transpose(CpuTape tape, float* x, float* y, in Chunk chunk)
    {
        (int row, int rows, int first, int end) = (chunk.Row, chunk.Rows, chunk.First, chunk.End);
        int inputEnd = Math.Min(end, _inputSize), hiddenEnd = Math.Min(end, _inputSize + _outputSize) - _inputSize, hidden = Math.Max(0, first - _inputSize);
        float** from = stackalloc float*[Line];
        int* places = tape.Places;
        int step = 0;
        for (int start = row; start < row + rows; start += Line)
        {
            int count = Math.Min(Line, row + rows - start);
            float* to = _transposed.Pointer + (start - row);
            for (int i = 0; i < count && first < inputEnd; i++)
                from[i] = x + (nint)places[start + i] * _inputSize;
            Columns(from, count, first, inputEnd, to);
            for (int i = 0; i < count && hidden < hiddenEnd; i++)
            {
                while (start + i >= tape.Start(step + 1))
                    step++;
                int inStep = start + i - tape.Start(step);
                from[i] = step == 0 ? tape.InitialHidden + (nint)inStep * _outputSize : y + (nint)places[tape.Start(step - 1) + inStep] * _outputSize;
            }

            Columns(from, count, hidden, hiddenEnd, to + (nint)_inputSize * ChunkRows);
            if (_layout.HasCandidate)
                Operand(tape, start, count, to + (nint)(_inputSize + _outputSize) * ChunkRows, first, end);
        }
    }

    /// <summary>The left operand of a candidate's product, which the tape holds by now.</summary>
    private void Operand(CpuTape tape, int start, int count, float* to, int first, int end)
    {
        int firstUnit = Math.Max(0, first - _inputSize - _outputSize), endUnit = Math.Min(_hiddenSize, end - _inputSize - _outputSize);
        for (int unit = firstUnit; unit < endUnit; unit++)
        {
            float* column = tape.Columns(_layout.BlockOf(unit), start) + TapeLayout.OperandColumn * TapeLayout.Lanes + _layout.PlaceOf(unit);
            for (int i = 0; i < count; i++)
                to[(nint)unit * ChunkRows + i] = column[(nint)i * _layout.Width];
        }
    }

    /// <summary>
    /// Some columns of at most <see cref="Line"/> rows, strip by strip: the lines that four rows begin are still in the first level when the last end them.
    /// </summary>
    private static void Columns(float** from, int count, int first, int end, float* to)
    {
        for (int strip = first; strip < end; strip += StripColumns)
        {
            int stripEnd = Math.Min(end, strip + StripColumns), i = 0;
            for (; i + 4 <= count; i += 4)
                Transposition.Four(new FourRows(from[i], from[i + 1], from[i + 2], from[i + 3]), strip, stripEnd, to + i, ChunkRows);
            for (; i < count; i++)
                Transposition.One(from[i], strip, stripEnd, to + i, ChunkRows);
        }
    }

    /// <summary>Some rows and factors.</summary>
    private readonly struct Chunk(int row, int rows, int first, int end)
    {
        public int Row { get; } = row;

        public int Rows { get; } = rows;

        public int First { get; } = first;

        public int End { get; } = end;
    }
}
