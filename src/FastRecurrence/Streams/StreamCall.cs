namespace FastRecurrence.Streams;

/// <summary>
/// The memory of one call: which streams it has, their lengths, what lies between layers. Calls take turns with it; it grows with the largest call and is
/// kept, so that a repeated call allocates nothing.
/// </summary>
internal sealed class StreamCall
{
    private readonly float[][] _between = [[], []];
    private int[] _slots = [], _order = [];
    private float[] _input = [], _output = [], _scratch = [];

    /// <summary>The layers, where their states lie in a slab.</summary>
    public required LayerRows[] Layers { get; init; }

    /// <summary>Tells calls apart, and a stream's call; set when one begins.</summary>
    public long Id { get; set; }

    /// <summary>The home to which streams of the call move, if they are elsewhere.</summary>
    public object? Home { get; set; }

    /// <summary>Streams of the call.</summary>
    public int Count { get; private set; }

    /// <summary>Their places.</summary>
    public Span<int> Slots => _slots.AsSpan(0, Count);

    /// <summary>Their places in the order of a ragged run.</summary>
    public Span<int> Ordered => _order.AsSpan(0, Count);

    /// <summary>The lengths, copied out of the caller's memory.</summary>
    public RowLengths Lengths { get; } = new();

    /// <summary>Streams by length, longest first.</summary>
    public SequenceOrder Order { get; } = new();

    /// <summary>Room for one value of a saved state after another.</summary>
    public ref float[] Scratch => ref _scratch;

    /// <summary>Makes room for a call of so many streams.</summary>
    public void Begin(int count)
    {
        if (_slots.Length < count)
            (_slots, _order) = (new int[Larger(_slots.Length, count)], new int[Larger(_slots.Length, count)]);
        Count = count;
    }

    /// <summary>Memory for the output of layer <paramref name="k"/>; two take turns, so that a layer never writes what it reads.</summary>
    public Span<float> Between(int k, int length) => Grown(ref _between[k % 2], length);

    /// <summary>x of one stream, step after step.</summary>
    public Span<float> Input(int length) => Grown(ref _input, length);

    /// <summary>y of one stream, step after step.</summary>
    public Span<float> Output(int length) => Grown(ref _output, length);

    private static Span<float> Grown(ref float[] memory, int length)
    {
        if (memory.Length < length)
            memory = new float[Larger(memory.Length, length)];
        return memory.AsSpan(0, length);
    }

    // Batches of slowly growing size shall not allocate at each of them.
    private static int Larger(int before, int needed) => (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * before));
}
