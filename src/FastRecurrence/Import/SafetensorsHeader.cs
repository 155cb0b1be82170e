using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace FastRecurrence.Import;

/// <summary>
/// The header: 8 bytes of length, then a JSON object of tensors and, at most once, <c>__metadata__</c>. Parsed without
/// believing it: every size is checked against the file before anything is made from it.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const long MaxBytes = 100_000_000;
    private const int MaxRank = 64;

    private readonly string _file;

    private SafetensorsHeader(string file) => _file = file;

    public List<TensorInfo> Tensors { get; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Where the data begins in the file.</summary>
    public long DataStart { get; private init; }

    public static ModelFormatException TooShort(string file, long size) =>
        new(file, Text($"{size} bytes; a safetensors file has at least 8, the length of its header."));

    /// <summary>The header's length, known to lie inside the file.</summary>
    public static int Length(string file, ReadOnlySpan<byte> start, long size)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length < 2)
            throw new ModelFormatException(file, Text($"the header's length is {length}; the shortest header is {{}}."));
        if (length > MaxBytes)
            throw new ModelFormatException(file, Text($"the header's length is {length} bytes, above the limit of {MaxBytes}. The file is damaged or no safetensors file."));
        if (length > (ulong)(size - 8))
            throw new ModelFormatException(file, Text($"the header's length is {length} bytes, but {size - 8} follow. The file is cut or no safetensors file."));
        return (int)length;
    }

    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long size)
    {
        if (json[0] != (byte)'{')
            throw new ModelFormatException(file, Text($"the header begins with byte 0x{json[0]:x2}, not with {{."));
        var header = new SafetensorsHeader(file) { DataStart = 8 + json.Length };
        try
        {
            header.Parse(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text that is no UTF-8.
            throw new ModelFormatException(file, $"the header is no valid JSON: {FirstSentence(e.Message)}", e);
        }

        header.CheckCover(size - header.DataStart);
        return header;
    }

    private void Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 3 });
        var names = new HashSet<string>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw new ModelFormatException(_file, $"the name '{Short(name)}' occurs twice.");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Wrong(name, $"an object was expected, there is {Kind(reader.TokenType)}.");
            if (name == "__metadata__")
                ReadMetadata(ref reader);
            else
                Tensors.Add(ReadTensor(ref reader, name));
        }

        while (reader.Read())
        {
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Wrong("__metadata__", $"'{Short(key)}' is {Kind(reader.TokenType)}; metadata are strings.");
            if (!Metadata.TryAdd(key, reader.GetString()!))
                throw Wrong("__metadata__", $"the key '{Short(key)}' occurs twice.");
        }
    }

    private TensorInfo ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            reader.Read();
            bool twice = field switch { "dtype" => type is not null, "shape" => shape is not null, "data_offsets" => offsets is not null, _ => false };
            if (twice)
                throw Wrong(name, $"'{field}' occurs twice.");
            switch (field)
            {
                case "dtype":
                    type = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw Wrong(name, $"dtype is {Kind(reader.TokenType)}, no string.");
                    break;
                case "shape":
                    shape = ReadIntegers(ref reader, name, field, MaxRank);
                    break;
                case "data_offsets":
                    offsets = ReadIntegers(ref reader, name, field, 2);
                    break;
                default:
                    throw Wrong(name, $"the field '{Short(field)}' is unknown; there are dtype, shape and data_offsets.");
            }
        }

        return Check(name, type ?? throw Wrong(name, "dtype is missing."), shape ?? throw Wrong(name, "shape is missing."), offsets ?? throw Wrong(name, "data_offsets is missing."));
    }

    private List<long> ReadIntegers(ref Utf8JsonReader reader, string name, string field, int most)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Wrong(name, $"{field} is {Kind(reader.TokenType)}, no array.");
        var values = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
                throw Wrong(name, Text($"{field}[{values.Count}] is no whole number from 0 to 2^63 − 1."));
            if (values.Count == most)
                throw Wrong(name, Text($"{field} has more than {most} values."));
            values.Add(value);
        }

        return values;
    }

    private TensorInfo Check(string name, string type, List<long> shape, List<long> offsets)
    {
        int size = type switch
        {
            "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" => 1,
            "I16" or "U16" or "F16" or "BF16" => 2,
            "I32" or "U32" or "F32" => 4,
            "I64" or "U64" or "F64" or "C64" => 8,
            _ => throw Wrong(name, $"the dtype '{Short(type)}' is unknown; such are F32, F64, F16, BF16, I64, U8, BOOL."),
        };
        if (offsets.Count != 2 || offsets[0] > offsets[1])
            throw Wrong(name, $"data_offsets are [{string.Join(", ", offsets)}]; they are begin and end, begin not behind end.");
        Int128 bytes = size;
        foreach (long dimension in shape)
        {
            if (dimension > int.MaxValue)
                throw Wrong(name, Text($"a size of {dimension}; the largest is {int.MaxValue}."));
            bytes *= dimension;
            if (bytes > long.MaxValue)
                throw Wrong(name, $"the shape [{string.Join(", ", shape)}] has more bytes than any file.");
        }

        if (bytes != offsets[1] - offsets[0])
            throw Wrong(name, Text($"the shape [{string.Join(", ", shape)}] of {type} has {bytes} bytes, but data_offsets [{offsets[0]}, {offsets[1]}] hold {offsets[1] - offsets[0]}."));
        return new TensorInfo(name, type, [.. shape.Select(d => (int)d)], offsets[0], offsets[1]);
    }

    /// <summary>The tensors cover the data from the first byte to the last, each byte once.</summary>
    private void CheckCover(long dataBytes)
    {
        long end = 0;
        foreach (TensorInfo info in Tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            if (info.Begin != end)
                throw Wrong(info.Name, Text($"it begins at byte {info.Begin} of the data, but the tensor before it ends at {end}: {(info.Begin < end ? "they overlap" : "there is a hole")}."));
            end = info.End;
            if (end > dataBytes)
                throw Wrong(info.Name, Text($"it ends at byte {end} of the data, but the file has {dataBytes}. The file is cut."));
        }

        if (end != dataBytes)
            throw new ModelFormatException(_file, Text($"{dataBytes} bytes of data, but the tensors end at {end}: {dataBytes - end} bytes belong to no tensor."));
    }

    private ModelFormatException Wrong(string tensor, string reason) => new($"{_file}, tensor '{Short(tensor)}'", reason);

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
