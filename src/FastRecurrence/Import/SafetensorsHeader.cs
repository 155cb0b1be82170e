using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace FastRecurrence.Import;

/// <summary>
/// The header: 8 bytes of length, then a JSON object of tensors and, at most once, <c>__metadata__</c>. Parsed without
/// believing it: every size is checked against the file before anything is made from it, and what is made stays in
/// proportion to the file: the text is kept, with two places in it and the extents of each tensor; names and shapes are made when they are asked for.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const long MaxBytes = 100_000_000;
    private const int MaxRank = 64, MaxMetadata = 65_536, LeastTensorBytes = 48;

    private readonly string _file;
    private readonly byte[] _json;
    private readonly TensorTable _table;

    private SafetensorsHeader(string file, byte[] json, int capacity)
    {
        (_file, _json, DataStart) = (file, json, 8 + json.Length);
        _table = new TensorTable(json, capacity);
    }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; private set; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Where the data begins in the file.</summary>
    public long DataStart { get; }

    /// <exception cref="ModelFormatException">The header is damaged, or the data do not fit it.</exception>
    public static SafetensorsHeader Read(string file, TensorBytes bytes)
    {
        long size = bytes.Length;
        if (size < 8)
            throw new ModelFormatException(file, Text($"{size} bytes; a safetensors file has at least 8, the length of its header."));
        Span<byte> start = stackalloc byte[8];
        bytes.Read(0, start);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length is < 2 or > MaxBytes || length > (ulong)(size - 8))
            throw BadLength(file, bytes, length);
        var json = new byte[length];
        bytes.Read(8, json);
        if (json[0] != (byte)'{')
            throw new ModelFormatException(file, Text($"the header begins with byte 0x{json[0]:x2}, not with {{."));
        SafetensorsHeader header = Parse(file, json);
        header.CheckCover(size - header.DataStart);
        return header;
    }

    private static ModelFormatException BadLength(string file, TensorBytes bytes, ulong length)
    {
        var start = new byte[Math.Min(bytes.Length, ForeignFormat.StartBytes)];
        bytes.Read(0, start);
        if (ForeignFormat.Name(start) is { } what)
        {
            string hint = start[0] == (byte)'{' ? "; an index of several files (model.safetensors.index.json) is opened with ShardedSafetensors" : "";
            return new ModelFormatException(file, Text($"no safetensors file: {what}{hint} ({bytes.Length} bytes)."));
        }

        string wrong = length < 2 ? "; the shortest header is {}."
            : length > MaxBytes ? Text($" bytes, above the limit of {MaxBytes}. The file is damaged or no safetensors file.")
            : Text($" bytes, but {bytes.Length - 8} follow. The file is cut or no safetensors file.");
        return new ModelFormatException(file, Text($"the header's length is {length}{wrong}"));
    }

    private static SafetensorsHeader Parse(string file, byte[] json)
    {
        int about = Math.Min(json.AsSpan().Count("\"dtype\""u8), json.Length / LeastTensorBytes);
        var header = new SafetensorsHeader(file, json, about);
        try
        {
            header.Parse();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text that is no UTF-8.
            throw new ModelFormatException(file, $"the header is no valid JSON: {FirstSentence(e.Message)}", e);
        }

        return header;
    }

    /// <summary>Looks a tensor up; null when there is none.</summary>
    public TensorInfo? Find(string name) => _table.Find(name) is var at and >= 0 ? Tensors[at] : null;

    private void Parse()
    {
        Span<long> sizes = stackalloc long[MaxRank];
        var reader = new Utf8JsonReader(_json, new JsonReaderOptions { MaxDepth = 3 });
        bool metadata = false;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            int name = (int)reader.TokenStartIndex;
            bool isMetadata = reader.ValueTextEquals("__metadata__"u8), isNew = isMetadata ? !metadata : _table.TryAdd(ref reader);
            if (!isNew)
                throw new ModelFormatException(_file, $"the name '{Short(NameAt(name))}' occurs twice.");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Wrong(name, $"an object was expected, there is {Kind(reader.TokenType)}.");
            if (isMetadata)
            {
                metadata = true;
                ReadMetadata(ref reader, name);
                continue;
            }

            int value = (int)reader.TokenStartIndex;
            Extent tensor = ReadTensor(ref reader, name, sizes);
            _table.Complete(value, tensor.Begin, tensor.End);
        }

        while (reader.Read())
        {
        }

        Tensors = new TensorList(_table.Count, Make);
    }

    private void ReadMetadata(ref Utf8JsonReader reader, int name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Wrong(name, $"'{Short(key)}' is {Kind(reader.TokenType)}; metadata are strings.");
            if (Metadata.Count == MaxMetadata)
                throw Wrong(name, Text($"it has more than {MaxMetadata} keys, the most that are read."));
            if (!Metadata.TryAdd(key, reader.GetString()!))
                throw Wrong(name, $"the key '{Short(key)}' occurs twice.");
        }
    }

    /// <summary>What a header says of a tensor beside its name and its sizes.</summary>
    private readonly record struct Extent(string Type, int Rank, long Begin, long End);

    private Extent ReadTensor(ref Utf8JsonReader reader, int name, scoped Span<long> sizes)
    {
        string? type = null;
        Span<long> ends = stackalloc long[2];
        int rank = -1, offsets = -1;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isType = reader.ValueTextEquals("dtype"u8), isShape = reader.ValueTextEquals("shape"u8), isOffsets = reader.ValueTextEquals("data_offsets"u8);
            if (!isType && !isShape && !isOffsets)
                throw Wrong(name, $"the field '{Short(reader.GetString()!)}' is unknown; there are dtype, shape and data_offsets.");
            if (isType && type is not null || isShape && rank >= 0 || isOffsets && offsets >= 0)
                throw Wrong(name, $"'{reader.GetString()}' occurs twice.");
            reader.Read();
            if (isType)
                type = reader.TokenType == JsonTokenType.String ? TypeName(ref reader) : throw Wrong(name, $"dtype is {Kind(reader.TokenType)}, no string.");
            else if (isShape)
                rank = ReadIntegers(ref reader, name, "shape", sizes);
            else
                offsets = ReadIntegers(ref reader, name, "data_offsets", ends);
        }

        if (type is null)
            throw Wrong(name, "dtype is missing.");
        if (rank < 0)
            throw Wrong(name, "shape is missing.");
        if (offsets < 0)
            throw Wrong(name, "data_offsets is missing.");
        if (offsets != 2 || ends[0] > ends[1])
            throw Wrong(name, $"data_offsets are {ShapeText.Of(ends[..offsets])}; they are begin and end, begin not behind end.");
        Check(name, type, sizes[..rank], ends[0], ends[1]);
        return new Extent(type, rank, ends[0], ends[1]);
    }

    // The usual names are not made anew for each tensor.
    private static string TypeName(ref Utf8JsonReader reader)
    {
        foreach (string known in (ReadOnlySpan<string>)["F32", "F16", "BF16", "F64", "I64"])
        {
            if (reader.ValueTextEquals(known))
                return known;
        }

        return reader.GetString()!;
    }

    private int ReadIntegers(ref Utf8JsonReader reader, int name, string field, scoped Span<long> values)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Wrong(name, $"{field} is {Kind(reader.TokenType)}, no array.");
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
                throw Wrong(name, Text($"{field}[{count}] is no whole number from 0 to 2^63 − 1."));
            if (count == values.Length)
                throw Wrong(name, Text($"{field} has more than {values.Length} values."));
            values[count++] = value;
        }

        return count;
    }

    private void Check(int name, string type, ReadOnlySpan<long> shape, long begin, long end)
    {
        int size = SafetensorsType.Bytes(type);
        if (size == 0 && !SafetensorsType.IsOpaque(type))
            throw Wrong(name, $"the dtype '{Short(type)}' is unknown; such are F32, F64, F16, BF16, I64, U8, BOOL.");
        Int128 bytes = Math.Max(1, size);
        foreach (long dimension in shape)
        {
            if (dimension > int.MaxValue)
                throw Wrong(name, Text($"a size of {dimension}; the largest is {int.MaxValue}."));
            bytes *= dimension;
            if (bytes > long.MaxValue)
                throw Wrong(name, $"the shape {ShapeText.Of(shape)} has more bytes than any file.");
        }

        // How many bits an element of a type that is not read has is the writer's matter: its offsets say where it ends.
        if (size != 0 && bytes != end - begin)
            throw Wrong(name, Text($"the shape {ShapeText.Of(shape)} of {type} has {bytes} bytes, but data_offsets [{begin}, {end}] hold {end - begin}."));
    }

    /// <summary>Reads a tensor that was checked once more, for its name and its shape.</summary>
    private TensorInfo Make(int index)
    {
        Span<long> sizes = stackalloc long[MaxRank];
        (int name, int value) = _table.Places(index);
        var reader = new Utf8JsonReader(_json.AsSpan(value));
        reader.Read();
        Extent tensor = ReadTensor(ref reader, name, sizes);
        var shape = new int[tensor.Rank];
        for (int i = 0; i < shape.Length; i++)
            shape[i] = (int)sizes[i];
        return new TensorInfo(NameAt(name), tensor.Type, shape, tensor.Begin, tensor.End);
    }

    /// <summary>The tensors cover the data from the first byte to the last, each byte once.</summary>
    private void CheckCover(long dataBytes)
    {
        long end = 0;
        foreach (int index in _table.InOrder())
        {
            (int name, long begin, long next) = (_table.Places(index).Name, _table.Begin(index), _table.End(index));
            if (begin != end)
            {
                string fault = begin < end ? "they overlap" : "there is a hole";
                throw Wrong(name, Text($"it begins at byte {begin} of the data, but the tensor before it ends at {end}: {fault}."));
            }

            end = next;
            if (end > dataBytes)
                throw Wrong(name, Text($"it ends at byte {end} of the data, but the file has {dataBytes}. The file is cut."));
        }

        if (end != dataBytes)
        {
            long rest = dataBytes - end;
            throw new ModelFormatException(_file, Text($"{dataBytes} bytes of data, but the tensors end at {end}: {rest} bytes belong to no tensor."));
        }
    }

    private ModelFormatException Wrong(int name, string reason) => new($"{_file}, tensor '{Short(NameAt(name))}'", reason);

    private string NameAt(int at) => TensorTable.NameAt(_json, at);

    private static string Short(string text) => text.Length <= 80 ? text : text[..77] + "…";

    private static string FirstSentence(string text) => text.Split(". ")[0].ReplaceLineEndings(" ").TrimEnd('.') + ".";

    private static string Kind(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a truth value",
        _ => "nothing",
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
