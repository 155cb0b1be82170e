using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRecurrence.Layout;
using FastRecurrence.Threading;

namespace FastRecurrence.Cpu;

/// <summary>
/// The scratch memory of a layer's kernels, one for each worker so that no two write the same cache line, and where h and c of the run at hand lie: in
/// memory of its own (<see cref="CpuState"/>), or as rows of a slab that many streams share. Serves one run at a time.
/// </summary>
internal sealed unsafe class CpuWorkspace
{
    private const int CacheLineFloats = 16;
    private readonly LayerShape _shape;
    private PackedWeights? _weights; // null once freed: a disposed state that is still referenced must not hold them
    private readonly PanelLayout _layout;
    private readonly AlignedBuffer[] _scratch;
    private readonly AlignedBuffer? _padded, _zeros;
    private readonly int _paddedSize;
    private int _scratchRows, _intermediateRows;
    private int[] _identity = [];
    private AlignedBuffer? _projected;
    private AlignedBuffer[] _decoded = [];
    private int[][] _chunkPlaces = [];
    private float* _cell;
    private nint _cellRowStep, _cellPanelStep;

    /// <summary>Makes room for runs of <paramref name="rows"/> rows.</summary>
    public CpuWorkspace(LayerShape shape, PackedWeights weights, int rows, WorkerTeam? team)
    {
        (_shape, _weights, _layout, Team) = (shape, weights, weights.Layout, team);
        _scratch = new AlignedBuffer[team?.Workers ?? 1];
        if (weights.Format != WeightFormat.Float32)
        {
            int padded = (shape.InputSize + 3) / 4 * 4;
            _paddedSize = padded + (shape.OutputSize + 3) / 4 * 4;
            _padded = new AlignedBuffer("padded x and h", _scratch.Length, _paddedSize);
            PaddedHiddenStart = padded;
            _zeros = new AlignedBuffer("zeros", _layout.Width);
        }

        Reserve(rows);
    }

    /// <summary>Threads that the caller provides; null for the calling thread alone.</summary>
    public WorkerTeam? Team { get; }

    /// <summary>What lies between the two products of a step, for cells that have two.</summary>
    public IntermediateBuffers? Intermediate { get; private set; }

    /// <summary>The driver over this memory, at the layer's width.</summary>
    public ICpuDriver? Driver { get; set; }

    /// <summary>Where the run at hand keeps what a backward pass needs; null for nowhere.</summary>
    public CpuTape? Tape { get; set; }

    /// <summary>Steps done, for the order in which panels are taken.</summary>
    public int StepsDone { get; set; }

    /// <summary>N, rows of the run at hand.</summary>
    public int Rows { get; private set; }

    /// <summary>0, 1, 2, …: the places of rows that lie one after another.</summary>
    public int* Identity { get; private set; }

    /// <summary>h of the row 0 that a run's order counts from.</summary>
    public float* Hidden { get; private set; }

    /// <summary>Floats from h of a row to that of the next.</summary>
    public nint HiddenStep { get; private set; }

    /// <summary>Where h and c of the rows of the next runs lie: row n of c in a panel at <c>panel·cellPanelStep + n·cellRowStep</c>.</summary>
    public void Attach(int rows, float* hidden, nint hiddenStep, float* cell, nint cellRowStep, nint cellPanelStep)
    {
        (Rows, HiddenStep, _cellRowStep, _cellPanelStep) = (rows, hiddenStep, cellRowStep, cellPanelStep);
        Hidden = hidden;
        _cell = cell;
    }

    /// <summary>Makes room for runs of so many rows; kept, so that a repeated call allocates nothing.</summary>
    public void Reserve(int rows)
    {
        PackedWeights weights = _weights ?? throw new ObjectDisposedException(nameof(LayerState));

        // A single row gathers the preactivations of many panels.
        int scratchRows = rows == 1 ? Math.Min(_layout.PanelCount, Tuning.GatheredPanels) : Math.Clamp(rows, 1, weights.Tuning.RowsPerBlock);
        if (scratchRows > _scratchRows)
        {
            int width = Math.Max(_layout.Width, weights.SecondLayout.Width);
            for (int i = 0; i < _scratch.Length; i++)
                _scratch[i] = new AlignedBuffer("scratch", scratchRows * width + CacheLineFloats);
            _scratchRows = scratchRows;
        }

        if (_identity.Length < rows || _identity.Length == 0)
        {
            int[] identity = GC.AllocateArray<int>(Math.Max(rows, Math.Max(Tuning.ProjectedRows, Tuning.GatheredPanels)), pinned: true);
            for (int i = 0; i < identity.Length; i++)
                identity[i] = i;
            (_identity, Intermediate) = (identity, null);
            Identity = Address(identity);
        }

        if (weights.SecondWeights is null || (Intermediate is not null && _intermediateRows >= rows))
            return;
        Intermediate = new IntermediateBuffers(_shape, weights, rows, Identity);
        _intermediateRows = rows;
    }

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

    /// <summary>c of a panel, of the rows of an order.</summary>
    public RowView CellRows(int panel, int* order) => new(_cell + panel * _cellPanelStep, order, _cellRowStep);

    /// <summary>c of one row and its neighbouring panels, one vector after another: of runs of one row, where panels may pass for rows.</summary>
    public float* CellOfRow(int panel, int row) => _cell + panel * _cellPanelStep + row * _cellRowStep;

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
        var places = new int[_scratch.Length][];
        for (int worker = 0; worker < places.Length; worker++)
            places[worker] = GC.AllocateArray<int>(rows, pinned: true);
        _chunkPlaces = places;
    }

    /// <summary>A worker's own room for the places of a chunk's rows.</summary>
    public int* ChunkPlaces(int worker) => Address(_chunkPlaces[worker]);

    /// <summary>Leaves the memory to the collector.</summary>
    public void Free()
    {
        (Driver, _weights) = (null, null);
        foreach (AlignedBuffer? buffer in (AlignedBuffer?[])[_padded, _zeros, _projected, .. _scratch, .. _decoded])
            buffer?.Free();
        Intermediate?.Free();
        (_projected, _decoded, _chunkPlaces) = (null, [], []);
    }

    private static int* Address(int[] pinned) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}

/// <summary>Runs sequences over a workspace.</summary>
internal interface ICpuDriver
{
    /// <summary>Runs a sequence over the rows that the workspace is attached to.</summary>
    void Run(in SortedSequence sequence);
}
