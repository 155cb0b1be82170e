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

    /// <summary>How many neighbouring runs of floats a part consists of; <see cref="Run"/> gives each.</summary>
    public int RunCount(GradientParts part) => part switch
    {
        GradientParts.Peepholes => _shape.Peepholes ? 1 : 0,
        GradientParts.Projection => _projection is null ? 0 : 1,
        _ => Layout.BlockCount,
    };

    /// <summary>A run of a part's floats.</summary>
    public Span<float> Run(GradientParts part, int run)
    {
        switch (part)
        {
            case GradientParts.Peepholes: return Span[_peepholesStart.._projectionStart];
            case GradientParts.Projection: return Span[_projectionStart..];
        }

        (int first, int end) = Factors(part);
        return new Span<float>(Factor(run, first), (end - first) * Layout.Width);
    }

    /// <summary>The factors of W, R or b.</summary>
    public (int First, int End) Factors(GradientParts part) => part switch
    {
        GradientParts.InputWeights => (0, HiddenStart),
        GradientParts.RecurrentWeights => (HiddenStart, BiasStart),
        GradientParts.Bias => (BiasStart, BiasStart + 1),
        _ => (0, 0),
    };

    /// <summary>Weights of a part, as the user counts them.</summary>
    public int Count(GradientParts part) => part switch
    {
        GradientParts.InputWeights => _shape.InputWeightCount,
        GradientParts.RecurrentWeights => _shape.RecurrentWeightCount,
        GradientParts.Bias => _shape.BiasCount,
        GradientParts.Peepholes => _shape.PeepholeCount,
        GradientParts.Projection => _shape.ProjectionCount,
        _ => 0,
    };

    /// <summary>Reads a part, row-major as in <see cref="LayerWeights"/>.</summary>
    public void Read(GradientParts part, Span<float> rowMajor) => Copy(part, rowMajor, reads: true);

    /// <summary>Writes a part.</summary>
    public void Write(GradientParts part, ReadOnlySpan<float> rowMajor)
    {
        fixed (float* p = rowMajor)
            Copy(part, new Span<float>(p, rowMajor.Length), reads: false);
    }

    private void Copy(GradientParts part, Span<float> rowMajor, bool reads)
    {
        int P = _shape.OutputSize;
        switch (part)
        {
            case GradientParts.InputWeights: Matrix(rowMajor, Layout.InputColumns, 0, _shape.InputSize, reads); break;
            case GradientParts.Bias: Matrix(rowMajor, Layout.BiasColumns, BiasStart, 1, reads); break;
            case GradientParts.RecurrentWeights when OperandStart > HiddenStart:
                Matrix(rowMajor, Layout.RecurrentColumns, HiddenStart, P, reads);
                if (Layout.HasCandidate)
                    Matrix(rowMajor[^(_shape.HiddenSize * P)..], s_candidate, OperandStart, P, reads);
                break;
            case GradientParts.Peepholes when _shape.Peepholes:
                for (int i = 0; i < rowMajor.Length; i++)
                {
                    int unit = i % _shape.HiddenSize;
                    Place(ref rowMajor[i], Peepholes(Layout.BlockOf(unit)) + i / _shape.HiddenSize * TapeLayout.Lanes + Layout.PlaceOf(unit), reads);
                }

                break;
            case GradientParts.Projection when _projection is not null:
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
