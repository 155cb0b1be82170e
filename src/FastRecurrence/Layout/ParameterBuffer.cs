namespace FastRecurrence.Layout;

/// <summary>
/// A number for each weight of a layer, in the order in which a backward pass sums its gradients: <c>[block][factor][width]</c>, the blocks those of
/// <see cref="TapeLayout"/>, the factors x, h, the left operand of a candidate's product, and 1 (the bias); then the peepholes, <c>[block][3][16]</c>; then
/// W_p, <c>[block of h][unit][width]</c>. The layout does not depend on the width of the vectors, so what goes over all of it in one loop has one order.
/// Places that belong to no weight hold anything.
/// </summary>
internal sealed unsafe class ParameterBuffer
{
    private const int PeepholeCount = 3;
    private readonly AlignedBuffer _memory;
    private readonly TapeLayout? _projection;
    private readonly LayerShape _shape;
    private readonly int _peepholesStart, _projectionStart;

    public ParameterBuffer(string what, LayerShape shape)
    {
        (_shape, Layout) = (shape, new TapeLayout(shape));
        HiddenStart = shape.InputSize;
        OperandStart = HiddenStart + (Layout.RecurrentColumns.Length == 0 ? 0 : shape.OutputSize);
        BiasStart = OperandStart + (Layout.HasCandidate ? shape.HiddenSize : 0);
        _peepholesStart = Extents.Elements(what, Layout.BlockCount, BiasStart + 1, Layout.Width);
        _projectionStart = _peepholesStart + (shape.Peepholes ? Layout.BlockCount * PeepholeCount * TapeLayout.Lanes : 0);
        if (shape.ProjectionSize != 0)
            _projection = TapeLayout.OfRuns(shape.ProjectionSize);
        _memory = new AlignedBuffer(what, _projectionStart + (_projection is null ? 0 : _projection.BlockCount * shape.HiddenSize * _projection.Width));
    }

    public TapeLayout Layout { get; }

    /// <summary>The first factor that is an h.</summary>
    public int HiddenStart { get; }

    /// <summary>The first that is an operand of a candidate's product; <see cref="BiasStart"/> where there is none.</summary>
    public int OperandStart { get; }

    /// <summary>The last factor, 1.</summary>
    public int BiasStart { get; }

    /// <summary>All of it.</summary>
    public Span<float> Span => _memory.Span;

    /// <summary>The numbers of a block from a factor on.</summary>
    public float* Factor(int block, int factor) => _memory.Pointer + ((nint)block * (BiasStart + 1) + factor) * Layout.Width;

    /// <summary>The peepholes of a block, <c>[3][16]</c> in the order i, f, o.</summary>
    public float* Peepholes(int block) => _memory.Pointer + _peepholesStart + (nint)block * PeepholeCount * TapeLayout.Lanes;

    /// <summary>W_p of a block of h from a unit on.</summary>
    public float* Projection(int block, int unit) => _memory.Pointer + _projectionStart + ((nint)block * _shape.HiddenSize + unit) * _projection!.Width;

    /// <summary>The numbers of all blocks from a factor on.</summary>
    public FactorBlocks Factors(int factor) => new(Factor(0, factor), (nint)(BiasStart + 1) * Layout.Width, Layout);

    /// <summary>The peepholes, a factor a block whose columns are i, f, o.</summary>
    public FactorBlocks PeepholeFactors() => new(Peepholes(0), PeepholeCount * TapeLayout.Lanes, Layout);

    /// <summary>W_p, a factor a unit.</summary>
    public FactorBlocks ProjectionFactors() => new(Projection(0, 0), (nint)_shape.HiddenSize * _projection!.Width, _projection);

    /// <summary>How many neighbouring runs of floats a part consists of; <see cref="Run"/> gives each.</summary>
    public int RunCount(WeightParts part) => part switch
    {
        WeightParts.Peepholes => _shape.Peepholes ? 1 : 0,
        WeightParts.Projection => _projection is null ? 0 : 1,
        _ => Layout.BlockCount,
    };

    /// <summary>A run of a part's floats.</summary>
    public Span<float> Run(WeightParts part, int run)
    {
        switch (part)
        {
            case WeightParts.Peepholes: return Span[_peepholesStart.._projectionStart];
            case WeightParts.Projection: return Span[_projectionStart..];
        }

        (int first, int end) = Factors(part);
        return new Span<float>(Factor(run, first), (end - first) * Layout.Width);
    }

    /// <summary>The factors of W, R or b.</summary>
    public (int First, int End) Factors(WeightParts part) => part switch
    {
        WeightParts.InputWeights => (0, HiddenStart),
        WeightParts.RecurrentWeights => (HiddenStart, BiasStart),
        WeightParts.Bias => (BiasStart, BiasStart + 1),
        _ => (0, 0),
    };

    /// <summary>Weights of a part, as the user counts them.</summary>
    public int Count(WeightParts part) => part switch
    {
        WeightParts.InputWeights => _shape.InputWeightCount,
        WeightParts.RecurrentWeights => _shape.RecurrentWeightCount,
        WeightParts.Bias => _shape.BiasCount,
        WeightParts.Peepholes => _shape.PeepholeCount,
        WeightParts.Projection => _shape.ProjectionCount,
        _ => 0,
    };

    /// <summary>Makes a part 0, and what lies between its weights.</summary>
    public void Clear(WeightParts part)
    {
        for (int run = 0; run < RunCount(part); run++)
            Run(part, run).Clear();
    }

    /// <summary>Σ w² over the weights of a part, in double and in one order.</summary>
    public double SquaredNorm(WeightParts part)
    {
        double sum = 0;
        switch (part)
        {
            case WeightParts.InputWeights: return Squares(Layout.InputColumns, 0, _shape.InputSize);
            case WeightParts.Bias: return Squares(Layout.BiasColumns, BiasStart, BiasStart + 1);
            case WeightParts.RecurrentWeights when OperandStart > HiddenStart:
                return Squares(Layout.RecurrentColumns, HiddenStart, OperandStart) + (Layout.HasCandidate ? Squares(s_candidate, OperandStart, BiasStart) : 0);
            case WeightParts.Peepholes:
                for (int row = 0; row < (_shape.Peepholes ? PeepholeCount * Layout.BlockCount : 0); row++)
                    sum += Squares(Peepholes(0) + (nint)row * TapeLayout.Lanes, Layout.UnitsIn(row / PeepholeCount, 0));
                return sum;
            case WeightParts.Projection:
                for (int block = 0; block < (_projection?.BlockCount ?? 0); block++)
                {
                    for (int unit = 0; unit < _shape.HiddenSize; unit++)
                        sum += Squares(Projection(block, unit), Math.Min(_projection!.Width, _shape.ProjectionSize - block * _projection.Width));
                }

                return sum;
            default: return 0;
        }
    }

    private double Squares(int[] columns, int firstFactor, int endFactor)
    {
        double sum = 0;
        for (int block = 0; block < Layout.BlockCount; block++)
        {
            for (int factor = firstFactor; factor < endFactor; factor++)
            {
                float* row = Factor(block, factor);
                for (int i = 0; i < columns.Length; i++)
                    sum += Squares(row + columns[i] * TapeLayout.Lanes, Layout.UnitsIn(block, i));
            }
        }

        return sum;
    }

    private static double Squares(float* values, int count)
    {
        double even = 0, odd = 0;
        for (int i = 0; i + 1 < count; i += 2)
        {
            even += (double)values[i] * values[i];
            odd += (double)values[i + 1] * values[i + 1];
        }

        return even + odd + (count % 2 == 1 ? (double)values[count - 1] * values[count - 1] : 0);
    }

    /// <summary>Reads a part, row-major as in <see cref="LayerWeights"/>.</summary>
    public void Read(WeightParts part, Span<float> rowMajor) => Copy(part, rowMajor, reads: true);

    /// <summary>Writes a part.</summary>
    public void Write(WeightParts part, ReadOnlySpan<float> rowMajor)
    {
        fixed (float* p = rowMajor)
            Copy(part, new Span<float>(p, rowMajor.Length), reads: false);
    }

    private void Copy(WeightParts part, Span<float> rowMajor, bool reads)
    {
        int P = _shape.OutputSize;
        switch (part)
        {
            case WeightParts.InputWeights: Matrix(rowMajor, Layout.InputColumns, 0, _shape.InputSize, reads); break;
            case WeightParts.Bias: Matrix(rowMajor, Layout.BiasColumns, BiasStart, 1, reads); break;
            case WeightParts.RecurrentWeights when OperandStart > HiddenStart:
                Matrix(rowMajor, Layout.RecurrentColumns, HiddenStart, P, reads);
                if (Layout.HasCandidate)
                    Matrix(rowMajor[^(_shape.HiddenSize * P)..], s_candidate, OperandStart, P, reads);
                break;
            case WeightParts.Peepholes when _shape.Peepholes:
                for (int i = 0; i < rowMajor.Length; i++)
                {
                    int unit = i % _shape.HiddenSize;
                    Place(ref rowMajor[i], Peepholes(Layout.BlockOf(unit)) + i / _shape.HiddenSize * TapeLayout.Lanes + Layout.PlaceOf(unit), reads);
                }

                break;
            case WeightParts.Projection when _projection is not null:
                for (int i = 0; i < rowMajor.Length; i++)
                {
                    int row = i / _shape.HiddenSize;
                    Place(ref rowMajor[i], Projection(_projection.BlockOf(row), i % _shape.HiddenSize) + _projection.PlaceOf(row), reads);
                }

                break;
        }
    }

    private static readonly int[] s_candidate = [TapeLayout.CandidateColumn];

    private void Matrix(Span<float> rowMajor, int[] columns, int firstFactor, int depth, bool reads)
    {
        for (int block = 0; block < Layout.BlockCount; block++)
        {
            for (int place = 0; place < columns.Length * TapeLayout.Lanes; place++)
            {
                int row = Layout.SourceRow(block, place / TapeLayout.Lanes, place % TapeLayout.Lanes);
                float* from = Factor(block, firstFactor) + columns[place / TapeLayout.Lanes] * TapeLayout.Lanes + place % TapeLayout.Lanes;
                for (int k = 0; k < depth && row >= 0; k++)
                    Place(ref rowMajor[row * depth + k], from + (nint)k * Layout.Width, reads);
            }
        }
    }

    private static void Place(ref float rowMajor, float* place, bool reads)
    {
        if (reads)
            rowMajor = *place;
        else
            *place = rowMajor;
    }
}
