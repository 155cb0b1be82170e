using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// dW, dR and db together: <c>Σ over tape rows of [x | h₋₁ | 1]ᵀ·dG</c>. A sum goes over <see cref="ChunkRows"/> tape rows as one chain from 0; such partial
/// sums are added in the order of the rows. That is part of what the gradients are, whatever the width, the tile or the number of workers.
/// </summary>
internal sealed unsafe class WeightGradients<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Rows of a partial sum: few enough for a small error, many enough that adding them up costs nothing.</summary>
    public const int ChunkRows = 192;

    private readonly int _blockRows = Tuning.Current.RowsPerBlock;
    private readonly int _inputSize, _outputSize, _hiddenSize, _factors;
    private readonly TapeLayout _layout;
    private readonly AlignedBuffer _transposed, _zeros;
    private readonly AlignedBuffer[] _sums;
    private readonly int* _identity;

    public WeightGradients(LayerShape shape, TapeLayout layout, int workers, int* identity)
    {
        (_inputSize, _outputSize, _layout) = (shape.InputSize, layout.RecurrentColumns.Length == 0 ? 0 : shape.OutputSize, layout);
        _identity = identity;
        _hiddenSize = shape.HiddenSize;
        _factors = LayerGradients.Factors(shape, layout);
        _transposed = new AlignedBuffer("transposed x and h", _factors, ChunkRows);
        _transposed.Span[((_factors - 1) * ChunkRows)..].Fill(1f);
        _zeros = new AlignedBuffer("zeros", layout.Width);
        _sums = new AlignedBuffer[workers];
        for (int worker = 0; worker < workers; worker++)
            _sums[worker] = new AlignedBuffer("partial sums", _blockRows, layout.Width);
    }

    /// <summary>Factors of a row, I + P + 1 in all: those that a worker transposes and multiplies.</summary>
    public (int First, int End) Share(int worker, int workers) =>
        ((int)((long)_factors * worker / workers), (int)((long)_factors * (worker + 1) / workers));

    /// <summary>Adds a worker's share of the gradients of all chunks.</summary>
    /// <param name="tape">The tape, gates replaced by gradients.</param>
    /// <param name="gradients">Where they are added, or written if they are clear.</param>
    /// <param name="x">x of the run.</param>
    /// <param name="y">y of the run.</param>
    /// <param name="worker">The worker.</param>
    /// <param name="workers">All of them.</param>
    public void Add(TrainingTape tape, LayerGradients gradients, float* x, float* y, int worker, int workers)
    {
        (int first, int end) = Share(worker, workers);
        for (int row = 0; row < tape.Rows; row += ChunkRows)
        {
            int rows = Math.Min(ChunkRows, tape.Rows - row);
            Transpose(tape, x, y, row, rows, first, end);
            bool writes = row == 0 && gradients.IsClear;
            for (int block = 0; block < _layout.BlockCount; block++)
            {
                for (int factor = first; factor < end; factor += _blockRows)
                {
                    int count = Math.Min(_blockRows, end - factor);
                    Block(tape.Columns(block, row), rows, factor, count, gradients.Sums(block, factor), writes, _sums[worker].Pointer);
                }
            }
        }
    }

    /// <summary>Partial sums of some factors and one block of the tape, joined to the gradients.</summary>
    private void Block(float* columns, int rows, int factor, int count, float* gradients, bool writes, float* sums)
    {
        var factors = new RowView(_transposed.Pointer + (nint)factor * ChunkRows, _identity, ChunkRows);
        int width = _layout.Width, taken = Math.Min(width, 4 * L.Count);
        for (int column = 0; column < width; column += taken)
        {
            var product = new GemmOperands(rows, factors, columns + column);
            if (taken == 2 * L.Count)
                Gemm<V, L, TwoColumns>.Block(count, product, _zeros.Pointer, 0, sums, default);
            else if (width == TapeRowOf64.Floats)
                Gemm<V, L, TapeRowOf64>.Block(count, product, _zeros.Pointer, 0, sums, default);
            else
                Gemm<V, L, TapeRowOf32>.Block(count, product, _zeros.Pointer, 0, sums, default);
            Join(sums, taken, count, gradients + column, writes);
        }
    }

    private void Join(float* sums, int taken, int count, float* gradients, bool writes)
    {
        for (int factor = 0; factor < count; factor++)
        {
            for (int i = 0; i < taken; i += L.Count)
            {
                V sum = L.Load(sums + i);
                L.Store(writes ? sum : L.Add(L.Load(gradients + i), sum), gradients + i);
            }

            sums += taken;
            gradients += _layout.Width;
        }
    }

    /// <summary>The factors of a chunk's rows, <c>[factor][row]</c>; the last one is 1 for ever.</summary>
    private void Transpose(TrainingTape tape, float* x, float* y, int row, int rows, int first, int end)
    {
        const int Line = 16;
        float** from = stackalloc float*[Line];
        int* places = tape.Places;
        int inputEnd = Math.Min(end, _inputSize), hiddenEnd = Math.Min(end, _inputSize + _outputSize) - _inputSize;
        int step = 0;
        for (int start = row; start < row + rows; start += Line)
        {
            int count = Math.Min(Line, row + rows - start);
            float* to = _transposed.Pointer + (start - row);
            for (int i = 0; i < count; i++)
                from[i] = x + (nint)places[start + i] * _inputSize;
            Columns(from, count, first, inputEnd, to);
            for (int i = 0; i < count; i++)
            {
                while (start + i >= tape.Start(step + 1))
                    step++;
                int inStep = start + i - tape.Start(step);
                from[i] = step == 0 ? tape.InitialHidden + (nint)inStep * _outputSize : y + (nint)places[tape.Start(step - 1) + inStep] * _outputSize;
            }

            Columns(from, count, Math.Max(0, first - _inputSize), hiddenEnd, to + (nint)_inputSize * ChunkRows);
            if (_layout.HasCandidate)
                Operand(tape, start, count, to + (nint)(_inputSize + _outputSize) * ChunkRows, first, end);
        }
    }

    /// <summary>The left operand of a candidate's product, which the tape holds by now.</summary>
    private void Operand(TrainingTape tape, int start, int count, float* to, int first, int end)
    {
        int firstUnit = Math.Max(0, first - _inputSize - _outputSize), endUnit = Math.Min(_hiddenSize, end - _inputSize - _outputSize);
        for (int unit = firstUnit; unit < endUnit; unit++)
        {
            float* column = tape.Columns(_layout.BlockOf(unit), start) + TapeLayout.OperandColumn * TapeLayout.Lanes + _layout.PlaceOf(unit);
            for (int i = 0; i < count; i++)
                to[(nint)unit * ChunkRows + i] = column[(nint)i * _layout.Width];
        }
    }

    private static void Columns(float** from, int count, int first, int end, float* to)
    {
        for (int column = first; column < end; column++)
        {
            float* line = to + (nint)column * ChunkRows;
            for (int i = 0; i < count; i++)
                line[i] = from[i][column];
        }
    }
}
