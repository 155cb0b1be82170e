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
    private readonly int _inputSize, _outputSize, _hiddenSize, _factors;
    private readonly TapeLayout _layout;
    private readonly OuterProducts<V, L> _products;
    private readonly AlignedBuffer _transposed;

    public WeightGradients(LayerShape shape, TapeLayout layout, int workers, int* identity)
    {
        (_inputSize, _outputSize, _layout) = (shape.InputSize, layout.RecurrentColumns.Length == 0 ? 0 : shape.OutputSize, layout);
        _hiddenSize = shape.HiddenSize;
        _factors = _inputSize + _outputSize + (layout.HasCandidate ? _hiddenSize : 0) + 1;
        _products = new OuterProducts<V, L>(layout, workers, identity);
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
    public void Add(TrainingTape tape, LayerGradients gradients, GradientParts parts, float* x, float* y, int worker, int workers)
    {
        ReadOnlySpan<GradientParts> all = [GradientParts.InputWeights, GradientParts.RecurrentWeights, GradientParts.Bias];
        long wanted = 0;
        foreach (GradientParts part in all)
            wanted += Wanted(gradients, parts, part).Count;
        long firstWanted = wanted * worker / workers, endWanted = wanted * (worker + 1) / workers;
        for (int row = 0; row < tape.Rows; row += ChunkRows)
        {
            long before = 0;
            foreach (GradientParts part in all)
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
    private static (int Start, int Count) Wanted(LayerGradients gradients, GradientParts parts, GradientParts part)
    {
        (int start, int end) = gradients.Sums.Factors(part);
        return (start, (parts & part) == 0 ? 0 : end - start);
    }

    private void Add(TrainingTape tape, in Chunk chunk, float* x, float* y, LayerGradients gradients, bool writes, int worker)
    {
        Transpose(tape, x, y, chunk);
        float* factors = _transposed.Pointer + (nint)chunk.First * ChunkRows;
        for (int block = 0; block < _layout.BlockCount; block++)
        {
            float* sums = gradients.Sums.Factor(block, chunk.First);
            _products.Add(tape.Columns(block, chunk.Row), chunk.Rows, factors, chunk.End - chunk.First, sums, writes, worker);
        }
    }

    /// <summary>The factors of a chunk's rows, <c>[factor][row]</c>; the last one is 1 for ever.</summary>
    private void Transpose(TrainingTape tape, float* x, float* y, in Chunk chunk)
    {
        const int Line = 16;
        (int row, int rows, int first, int end) = (chunk.Row, chunk.Rows, chunk.First, chunk.End);
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

    /// <summary>Some rows and factors.</summary>
    private readonly struct Chunk(int row, int rows, int first, int end)
    {
        public int Row { get; } = row;

        public int Rows { get; } = rows;

        public int First { get; } = first;

        public int End { get; } = end;
    }
}
