using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRecurrence.Layout;
using FastRecurrence.Threading;

namespace FastRecurrence.Cpu;

/// <summary>
/// h dense <c>[N, P]</c>, c padded by panel <c>[panel][N][lanes]</c>, and the kernels' scratch, one for each worker so that
/// no two write the same cache line.
/// </summary>
internal sealed unsafe class CpuState : LayerState
{
    private const int CacheLineFloats = 16;
    private readonly PanelLayout _layout;
    private readonly AlignedBuffer _hidden;
    private readonly AlignedBuffer? _cell;
    private readonly AlignedBuffer[] _scratch;
    private readonly AlignedBuffer? _padded, _zeros;
    private readonly int _paddedSize;
    private readonly int[] _identity;
    private AlignedBuffer? _projected;
    private AlignedBuffer[] _decoded = [];
    private int[][] _chunkPlaces = [];

    public CpuState(RecurrentLayer layer, PackedWeights weights, int batchSize, WorkerTeam? team)
        : base(layer, batchSize)
    {
        LayerShape shape = layer.Shape;
        _layout = weights.Layout;
        Team = team;
        _hidden = new AlignedBuffer("h", batchSize, shape.OutputSize);
        if (shape.HasCellState)
            _cell = new AlignedBuffer("c", _layout.PanelCount, batchSize, _layout.Lanes);

        // A single row gathers the preactivations of many panels.
        int rows = batchSize == 1 ? Math.Min(_layout.PanelCount, Tuning.GatheredPanels) : Math.Clamp(batchSize, 1, weights.Tuning.RowsPerBlock),
            width = Math.Max(_layout.Width, weights.SecondLayout.Width);
        _scratch = new AlignedBuffer[team?.Workers ?? 1];
        for (int i = 0; i < _scratch.Length; i++)
            _scratch[i] = new AlignedBuffer("scratch", rows * width + CacheLineFloats);
        if (weights.Format != WeightFormat.Float32)
        {
            int padded = (shape.InputSize + 3) / 4 * 4;
            _paddedSize = padded + (shape.OutputSize + 3) / 4 * 4;
            _padded = new AlignedBuffer("padded x and h", _scratch.Length, _paddedSize);
            PaddedHiddenStart = padded;
            _zeros = new AlignedBuffer("zeros", _layout.Width);
        }

        _identity = GC.AllocateArray<int>(Math.Max(batchSize, Math.Max(Tuning.ProjectedRows, Tuning.GatheredPanels)), pinned: true);
        for (int i = 0; i < _identity.Length; i++)
            _identity[i] = i;
        Identity = Address(_identity);
        if (weights.SecondWeights is not null)
            Intermediate = new IntermediateBuffers(shape, weights, batchSize, Identity);
    }

    /// <summary>Threads that the caller provides; null for the calling thread alone.</summary>
    public WorkerTeam? Team { get; }

    /// <summary>What lies between the two products of a step, for cells that have two.</summary>
    public IntermediateBuffers? Intermediate { get; }

    /// <summary>The driver over this state, at the layer's width.</summary>
    public ITeamWork? Driver { get; set; }

    /// <summary>Where the run at hand keeps what a backward pass needs; null for nowhere.</summary>
    public CpuTape? Tape { get; set; }

    /// <summary>Steps done, for the order in which panels are taken.</summary>
    public int StepsDone { get; set; }

    /// <summary>0, 1, 2, …: the places of rows that lie one after another.</summary>
    public int* Identity { get; }

    public float* Hidden => _hidden.Pointer;

    /// <summary>Preactivations of one panel and one block of rows, a worker's own.</summary>
    public float* Scratch(int worker) => _scratch[worker].Pointer;

    /// <summary>
    /// Room for x and then, from <see cref="PaddedHiddenStart"/>, h of a single row, each followed by zeros up to a full lane of narrow weights.
    /// </summary>
    public float* Padded(int worker) => _padded!.Pointer + (nint)worker * _paddedSize;

    /// <summary>A row of preactivations of 0, where scaled sums start; null where weights are not scaled.</summary>
    public float* Zeros => _zeros is null ? null : _zeros.Pointer;

    /// <summary>Where h lies in <see cref="Padded"/>.</summary>
    public int PaddedHiddenStart { get; }

    /// <summary>c of one panel, <c>[N][lanes]</c>.</summary>
    public float* Cell(int panel) => _cell is null ? null : _cell.Pointer + (nint)panel * BatchSize * _layout.Lanes;

    /// <summary>Room for the input GEMM of some rows, <c>[panel][rows][stride][lanes]</c>; kept, so that a repeated call allocates nothing.</summary>
    public float* Projected(int rows)
    {
        if (_projected is null || _projected.Length < (long)_layout.PanelCount * rows * _layout.Width)
            _projected = new AlignedBuffer("projected input", _layout.PanelCount, rows, _layout.Width);
        return _projected.Pointer;
    }

    /// <summary>Makes room for <see cref="Decoded"/>, a panel of so many floats for each worker; kept.</summary>
    public void ReserveDecoded(int panelSize)
    {
        if (_decoded.Length != 0)
            return;
        var decoded = new AlignedBuffer[_scratch.Length];
        for (int worker = 0; worker < decoded.Length; worker++)
            decoded[worker] = new AlignedBuffer("a decoded panel of W", panelSize);
        _decoded = decoded;
    }

    /// <summary>A worker's own room for a panel of W in float32.</summary>
    public float* Decoded(int worker) => _decoded[worker].Pointer;

    /// <summary>Makes room for <see cref="ChunkPlaces"/> of so many rows.</summary>
    public void ReserveChunkPlaces(int rows)
    {
        if (_chunkPlaces.Length != 0 && _chunkPlaces[0].Length >= rows)
            return;
        _chunkPlaces = new int[_scratch.Length][];
        for (int worker = 0; worker < _chunkPlaces.Length; worker++)
            _chunkPlaces[worker] = GC.AllocateArray<int>(rows, pinned: true);
    }

    /// <summary>A worker's own room for the places of a chunk's rows.</summary>
    public int* ChunkPlaces(int worker) => Address(_chunkPlaces[worker]);

    private protected override void DisposeCore()
    {
        Driver = null;
        foreach (AlignedBuffer? buffer in (AlignedBuffer?[])[_hidden, _cell, _padded, _zeros, _projected, .. _scratch, .. _decoded])
            buffer?.Free();
        Intermediate?.Free();
        (_projected, _decoded, _chunkPlaces) = (null, [], []);
    }

    private protected override void ResetCore()
    {
        _hidden.Span.Clear();
        _cell?.Span.Clear();
    }

    private protected override void CopyCore(bool cell, Span<float> destination)
    {
        if (!cell)
        {
            _hidden.Span.CopyTo(destination);
            return;
        }

        int H = Layer.Shape.HiddenSize;
        for (int panel = 0; panel < _layout.PanelCount; panel++)
        {
            for (int n = 0; n < BatchSize; n++)
                PanelRow(panel, n).CopyTo(destination[(n * H + _layout.FirstUnit(panel))..]);
        }
    }

    private protected override void SetCore(bool cell, ReadOnlySpan<float> source)
    {
        if (!cell)
        {
            source.CopyTo(_hidden.Span);
            return;
        }

        int H = Layer.Shape.HiddenSize;
        for (int panel = 0; panel < _layout.PanelCount; panel++)
        {
            for (int n = 0; n < BatchSize; n++)
                source.Slice(n * H + _layout.FirstUnit(panel), _layout.UnitsIn(panel)).CopyTo(PanelRow(panel, n));
        }
    }

    private static int* Address(int[] pinned) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    private Span<float> PanelRow(int panel, int n) => new(Cell(panel) + (nint)n * _layout.Lanes, _layout.UnitsIn(panel));
}
