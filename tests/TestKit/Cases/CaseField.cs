using System.Globalization;
using System.Text.Json;

namespace FastRecurrence.TestKit.Cases;

/// <summary>
/// A place in a JSON case: what stands there, and the way to it. Everything is read by its type; something else is refused with the field,
/// what was expected and what is there. A field that is null counts as absent.
/// </summary>
internal readonly struct CaseField
{
    private readonly string _case, _path;
    private readonly JsonElement _value;

    private CaseField(string @case, string path, JsonElement value) => (_case, _path, _value) = (@case, path, value);

    /// <summary>The whole of a file.</summary>
    public static CaseField Of(string @case, JsonElement root) => new(@case, "", root);

    public bool Exists => _value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public JsonValueKind Kind => _value.ValueKind;

    /// <summary>A field of an object, perhaps absent.</summary>
    public CaseField this[string name]
    {
        get
        {
            string path = _path.Length == 0 ? name : $"{_path}.{name}";
            return Exists && Is(JsonValueKind.Object, "an object")._value.TryGetProperty(name, out JsonElement value) ? new(_case, path, value) : new(_case, path, default);
        }
    }

    /// <summary>An object with no other fields than these.</summary>
    public CaseField Only(params string[] known)
    {
        if (!Exists)
            return this;
        foreach (JsonProperty property in Is(JsonValueKind.Object, $"an object {{{string.Join(", ", known)}}}")._value.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                throw new NotSupportedException($"{Where}: the field '{property.Name}' is unknown; there are {string.Join(", ", known)}.");
        }

        return this;
    }

    /// <summary>The fields of an object.</summary>
    public IReadOnlyList<(string Name, CaseField Value)> Fields()
    {
        CaseField self = this;
        return [.. Is(JsonValueKind.Object, "an object")._value.EnumerateObject().Select(p => (p.Name, self[p.Name]))];
    }

    /// <summary>The items of an array.</summary>
    public IReadOnlyList<CaseField> Items(string expected = "an array")
    {
        (string @case, string path) = (_case, _path);
        return [.. Is(JsonValueKind.Array, expected)._value.EnumerateArray().Select((item, i) => new CaseField(@case, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), item))];
    }

    public string Text() => Is(JsonValueKind.String, "a text")._value.GetString()!;

    public string Text(string absent) => Exists ? Text() : absent;

    public bool Flag(bool absent) => !Exists ? absent : _value.ValueKind is JsonValueKind.True or JsonValueKind.False ? _value.GetBoolean() : throw Not("true or false");

    public int Integer() => Is(JsonValueKind.Number, "a whole number")._value.TryGetInt32(out int value) ? value : throw Not("a whole number");

    public long? Long() => !Exists ? null : Is(JsonValueKind.Number, "a whole number")._value.TryGetInt64(out long value) ? value : throw Not("a whole number");

    /// <summary>A number; NaN and the infinities may stand as texts.</summary>
    public double Number() => _value.ValueKind switch
    {
        JsonValueKind.Number => _value.GetDouble(),
        JsonValueKind.String when double.TryParse(_value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) => value,
        _ => throw Not("a number"),
    };

    public double? NumberOrNull() => Exists ? Number() : null;

    /// <summary>Whether a whole number stands here.</summary>
    public bool TryWhole(out long value)
    {
        value = 0;
        return _value.ValueKind == JsonValueKind.Number && _value.TryGetInt64(out value);
    }

    /// <summary><c>{dtype?, shape, data}</c> as numbers; a dtype of float32 rounds each to float, as the file means them.</summary>
    public NumberTensor Tensor(out string dtype)
    {
        if (!Exists)
            throw new ModelFormatException(_case, $"{_path} is missing.");
        if (!IsObject)
            throw Not("an object {shape, data}");
        Only("dtype", "shape", "data");
        dtype = this["dtype"].Text("float32");
        if (dtype is not ("float32" or "float64" or "int32" or "int64" or "float16-rounded"))
            throw new NotSupportedException($"{Where}: the dtype '{dtype}' is unknown; there are float32, float64, int32, int64 and float16-rounded.");
        int[] shape = [.. this["shape"].Items("an array of sizes, such as [3, 16]").Select(d => d.Integer())];
        bool single = dtype is "float32" or "float16-rounded";
        double[] values = [.. this["data"].Items("an array of numbers").Select(v => single ? (float)v.Number() : v.Number())];
        long count = shape.Aggregate(1L, (a, b) => a * b);
        return values.Length == count ? new NumberTensor(shape, values)
            : throw new ModelFormatException(_case, string.Create(CultureInfo.InvariantCulture, $"{_path}: shape [{string.Join(", ", shape)}] holds {count} values, but data have {values.Length}."));
    }

    public NumberTensor Tensor() => Tensor(out _);

    public NumberTensor? TensorOrNull() => Exists ? Tensor(out _) : null;

    private string Where => _path.Length == 0 ? _case : $"{_case}, {_path}";

    private CaseField Is(JsonValueKind kind, string expected) => _value.ValueKind == kind ? this : throw Not(expected);

    private ModelFormatException Not(string expected) => new(_case, $"{(_path.Length == 0 ? "the file" : _path)}: {expected} was expected, there is {_value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => $"the text \"{Shortened(_value.GetString()!)}\"",
        JsonValueKind.Number => $"the number {Shortened(_value.GetRawText())}",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "nothing",
    }}.");

    private static string Shortened(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
