using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The gradients of a layer's weights. Backward passes add to them; after <see cref="Clear"/>, and when new, the next one writes instead, so that nothing
/// has to be set to 0. Sums lie as <c>[block][factor][width]</c> in the order of a tape, the factors being x, h and 1; row-major is made on read.
/// </summary>
internal sealed unsafe class LayerGradients
{
    private readonly AlignedBuffer _sums;
    private readonly AlignedBuffer? _peepholes;
    private readonly TapeLayout _layout;
    private const int PeepholeCount = 3;
    private readonly int _factors, _hiddenStart;

    public LayerGradients(LayerShape shape)
    {
        (Shape, _layout) = (shape, new TapeLayout(shape));
        _factors = Factors(shape, _layout);
        _hiddenStart = shape.InputSize;
        _sums = new AlignedBuffer("gradients", _layout.BlockCount, _factors, _layout.Width);
        if (shape.Peepholes)
            _peepholes = new AlignedBuffer("gradients of the peepholes", _layout.BlockCount, PeepholeCount, TapeLayout.Lanes);
    }

    public LayerShape Shape { get; }

    /// <summary>Whether nothing has been added since they were made or cleared: all are 0, whatever the memory holds.</summary>
    public bool IsClear { get; set; } = true;

    /// <summary>Makes all 0, at no cost.</summary>
    public void Clear() => IsClear = true;

    /// <summary>dW, <c>[G·H, I]</c>.</summary>
    public float[] InputWeights => Read(_layout.InputColumns, 0, Shape.InputSize, Shape.InputWeightCount);

    /// <summary>dR, <c>[G·H, P]</c>.</summary>
    public float[] RecurrentWeights
    {
        get
        {
            int P = Shape.OutputSize;
            float[] matrix = Read(_layout.RecurrentColumns, _hiddenStart, P, Shape.RecurrentWeightCount);
            if (_layout.HasCandidate)
            {
                float[] candidate = Read([TapeLayout.CandidateColumn], _hiddenStart + P, P, Shape.HiddenSize * P);
                candidate.CopyTo(matrix, matrix.Length - candidate.Length);
            }

            return matrix;
        }
    }

    /// <summary>db, as <see cref="LayerWeights.Bias"/>.</summary>
    public float[] Bias => Read(_layout.BiasColumns, _factors - 1, 1, Shape.BiasCount);

    /// <summary>Of the peephole weights, <c>[3·H]</c> in the order i, f, o; empty without.</summary>
    public float[] PeepholeWeights
    {
        get
        {
            var matrix = new float[Shape.PeepholeCount];
            for (int i = 0; i < matrix.Length && !IsClear; i++)
            {
                int unit = i % Shape.HiddenSize;
                matrix[i] = Peepholes(_layout.BlockOf(unit))[i / Shape.HiddenSize * TapeLayout.Lanes + _layout.PlaceOf(unit)];
            }

            return matrix;
        }
    }

    /// <summary>Factors of a row: x, h where R multiplies it, the left operand of a candidate's product, and the 1 of the bias.</summary>
    public static int Factors(LayerShape shape, TapeLayout layout) =>
        shape.InputSize + (layout.RecurrentColumns.Length == 0 ? 0 : shape.OutputSize) + (layout.HasCandidate ? shape.HiddenSize : 0) + 1;

    /// <summary>The sums of a block from a factor on.</summary>
    public float* Sums(int block, int factor) => _sums.Pointer + ((nint)block * _factors + factor) * _layout.Width;

    /// <summary>The sums of a block's peepholes, <c>[3][16]</c>.</summary>
    public float* Peepholes(int block) => _peepholes!.Pointer + (nint)block * PeepholeCount * TapeLayout.Lanes;

    private float[] Read(int[] columns, int firstFactor, int depth, int length)
    {
        var matrix = new float[length];
        for (int block = 0; block < _layout.BlockCount && !IsClear; block++)
        {
            for (int place = 0; place < columns.Length * TapeLayout.Lanes; place++)
            {
                int row = _layout.SourceRow(block, place / TapeLayout.Lanes, place % TapeLayout.Lanes);
                int at = columns[place / TapeLayout.Lanes] * TapeLayout.Lanes + place % TapeLayout.Lanes;
                for (int k = 0; k < depth && row >= 0; k++)
                    matrix[row * depth + k] = Sums(block, firstFactor + k)[at];
            }
        }

        return matrix;
    }
}
