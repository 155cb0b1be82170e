using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace FastRecurrence.Import;

/// <summary>
/// The tensors of a header by number and by name, some 40 bytes each whatever their names: places in the text instead of strings and objects, of which
/// a hostile header could ask for millions.
/// </summary>
internal sealed class TensorTable
{
    private readonly byte[] _json;
    private Entry[] _entries;
    private int[] _buckets;

    /// <param name="json">The header's text.</param>
    /// <param name="capacity">How many tensors there seem to be.</param>
    public TensorTable(byte[] json, int capacity)
    {
        _json = json;
        _entries = new Entry[Math.Max(capacity, 4)];
        _buckets = new int[_entries.Length];
    }

    // Places of the name's quotation mark and of the object in the text; Next is the next of the same bucket, counted from 1, as buckets count.
    private record struct Entry(int Name, int Value, int Next, int Hash, long Begin, long End);

    public int Count { get; private set; }

    public (int Name, int Value) Places(int index) => (_entries[index].Name, _entries[index].Value);

    public long Begin(int index) => _entries[index].Begin;

    public long End(int index) => _entries[index].End;

    /// <summary>Adds the name that a reader is at; false when it is there already.</summary>
    /// <exception cref="InvalidOperationException">The name is no UTF-8.</exception>
    public bool TryAdd(ref Utf8JsonReader reader)
    {
        string? unescaped = reader.ValueIsEscaped ? reader.GetString()! : null;
        if (unescaped is null && !Utf8.IsValid(reader.ValueSpan))
            _ = reader.GetString(); // throws
        ReadOnlySpan<byte> name = unescaped is null ? reader.ValueSpan : Encoding.UTF8.GetBytes(unescaped);
        int hash = Hash(name);
        if (Find(name, hash) >= 0)
            return false;
        if (Count == _entries.Length)
            Grow();
        _entries[Count] = new Entry((int)reader.TokenStartIndex, 0, 0, hash, 0, 0);
        Link(Count++);
        return true;
    }

    /// <summary>Says of the tensor that was added last where its object begins and which bytes of the data are its own.</summary>
    public void Complete(int value, long begin, long end)
    {
        ref Entry last = ref _entries[Count - 1];
        (last.Value, last.Begin, last.End) = (value, begin, end);
    }

    /// <summary>The number of a tensor; −1 when there is none of that name.</summary>
    public int Find(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return Find(bytes, Hash(bytes));
    }

    /// <summary>The numbers by where the tensors begin, then by where they end.</summary>
    public int[] InOrder()
    {
        var order = new int[Count];
        bool sorted = true;
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            sorted &= i == 0 || Compare(i - 1, i) <= 0;
        }

        if (!sorted)
            order.AsSpan().Sort(Compare);
        return order;
    }

    /// <summary>The name whose quotation mark stands at a place.</summary>
    public static string NameAt(byte[] json, int at)
    {
        var reader = new Utf8JsonReader(json.AsSpan(at), isFinalBlock: false, state: default);
        reader.Read();
        return reader.GetString()!;
    }

    private int Compare(int a, int b)
    {
        int begin = _entries[a].Begin.CompareTo(_entries[b].Begin);
        return begin != 0 ? begin : _entries[a].End.CompareTo(_entries[b].End);
    }

    private int Find(ReadOnlySpan<byte> name, int hash)
    {
        for (int i = _buckets[(uint)hash % (uint)_buckets.Length] - 1; i >= 0; i = _entries[i].Next - 1)
        {
            if (_entries[i].Hash == hash && IsNamed(i, name))
                return i;
        }

        return -1;
    }

    private bool IsNamed(int index, ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(_json.AsSpan(_entries[index].Name), isFinalBlock: false, state: default);
        reader.Read();
        return reader.ValueTextEquals(name);
    }

    private void Grow()
    {
        Array.Resize(ref _entries, (int)Math.Min(Array.MaxLength, 2L * _entries.Length));
        _buckets = new int[_entries.Length];
        for (int i = 0; i < Count; i++)
            Link(i);
    }

    private void Link(int index)
    {
        ref int bucket = ref _buckets[(uint)_entries[index].Hash % (uint)_buckets.Length];
        _entries[index].Next = bucket;
        bucket = index + 1;
    }

    // Seeded anew in every process: nobody can write names that all fall into one bucket.
    private static int Hash(ReadOnlySpan<byte> name)
    {
        var hash = new HashCode();
        hash.AddBytes(name);
        return hash.ToHashCode();
    }
}
