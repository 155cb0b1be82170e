namespace FastRecurrence;

/// <summary>Which index of a sequence's memory moves slowest.</summary>
public enum SequenceLayout
{
    /// <summary><c>[T, N, features]</c>.</summary>
    TimeMajor,

    /// <summary><c>[N, T, features]</c>; states stay <c>[N, H]</c>.</summary>
    BatchMajor,
}

/// <summary>Where a row that is shorter than T has its padding.</summary>
public enum Padding
{
    /// <summary>Behind its last step: the row occupies steps 0 to length − 1.</summary>
    Right,

    /// <summary>Before its first step: the row occupies steps T − length to T − 1.</summary>
    Left,
}

/// <summary>
/// How <see cref="RecurrentLayer.Run(LayerState, int, ReadOnlySpan{float}, Span{float}, in SequenceOptions)"/> goes through a batch
/// of sequences and what else it hands out. The default is dense, forward, time-major.
/// </summary>
/// <example><code>
/// int[] lengths = [5, 2, 4];
/// layer.Run(state, T, x, h, new SequenceOptions { Lengths = lengths, Direction = Direction.Reverse });
/// </code></example>
public readonly ref struct SequenceOptions
{
    /// <summary>
    /// Steps of every row, <c>[N]</c>, each from 0 to T, in any order; empty when all have T. x in the padding is never
    /// read; outputs there are 0. A row's state stays what its last step left; a row without steps keeps its state.
    /// </summary>
    public ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>The order in which the layer runs. Reverse starts at each row's own last step; the output at t belongs to the input at t.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such direction.</exception>
    public Direction Direction
    {
        get;
        init => field = Defined.Require(value, nameof(Direction));
    }

    /// <summary>Where shorter rows have their padding.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such padding.</exception>
    public Padding Padding
    {
        get;
        init => field = Defined.Require(value, nameof(Padding));
    }

    /// <summary>The layout of the input, the output and the optional outputs.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layout.</exception>
    public SequenceLayout Layout
    {
        get;
        init => field = Defined.Require(value, nameof(Layout));
    }

    /// <summary>
    /// Empty, or <c>[T, N, G, H]</c> for the activated gates of every step (LSTM i, f, g, o; GRU r, z, n; Elman h).
    /// Asking for them does not change h's bits.
    /// </summary>
    public Span<float> Gates { get; init; }

    /// <summary>Empty, or <c>[T, N, H]</c> for c of every step; only for cells that have one.</summary>
    public Span<float> Cells { get; init; }

    /// <summary>
    /// x as one-hot rows: for each row the index of the one feature that is 1, laid out as x without its last axis; x itself is then empty. A column of W
    /// is looked up instead of multiplying, with the bits of the dense one-hot x. Entries in the padding are not read. On the CPU, with weights
    /// as float32, and on the reference.
    /// </summary>
    public ReadOnlySpan<int> OneHotInput { get; init; }

    /// <summary>Where to keep what a backward pass needs, on the CPU.</summary>
    internal Cpu.CpuTape? Tape { get; init; }
}
