using System.Globalization;
using System.Text;
using FastRecurrence.Onnx.Proto;

namespace FastRecurrence.Onnx.Operators;

/// <summary>The attributes of one node by name, typed when they are read.</summary>
/// <param name="where">File and node, for errors.</param>
internal sealed class OperatorAttributes(string where)
{
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _values.Keys;

    /// <summary>Adds a long, float, string, float[], long[] or string[].</summary>
    public void Add(string name, object value)
    {
        if (!_values.TryAdd(name, value))
            throw new ModelFormatException(where, $"the attribute {name} occurs twice.");
    }

    /// <summary>A node's attributes; <paramref name="bound"/> are those of the call, inside a function.</summary>
    public static OperatorAttributes Of(string where, NodeProto node, IReadOnlyDictionary<string, AttributeProto>? bound)
    {
        var attributes = new OperatorAttributes(where);
        foreach (AttributeProto written in node.Attribute)
        {
            AttributeProto attribute = written;
            if (written.HasRefAttrName && written.RefAttrName.Length != 0)
            {
                if (bound is null || !bound.TryGetValue(written.RefAttrName, out attribute!))
                    continue; // not given by the call: the operator's default
            }

            object? value = (AttributeType)attribute.Type switch
            {
                AttributeType.Float => attribute.F,
                AttributeType.Int => attribute.I,
                AttributeType.String => attribute.S.ToStringUtf8(),
                AttributeType.Floats => attribute.Floats.ToArray(),
                AttributeType.Ints => attribute.Ints.ToArray(),
                AttributeType.Strings => attribute.Strings.Select(s => s.ToStringUtf8()).ToArray(),
                AttributeType.Tensor => attribute.T ?? new TensorProto(),
                AttributeType.Undefined => Guess(attribute),
                _ => attribute,
            };
            attributes.Add(written.Name, value ?? throw new ModelFormatException(where, $"the attribute {written.Name} has no type and no value."));
        }

        return attributes;
    }

    // Early files leave the type out.
    private static object? Guess(AttributeProto a) => a.HasF ? a.F : a.HasI ? a.I : a.HasS ? a.S.ToStringUtf8() : a.Floats.Count != 0 ? a.Floats.ToArray()
        : a.Ints.Count != 0 ? a.Ints.ToArray() : a.Strings.Count != 0 ? a.Strings.Select(s => s.ToStringUtf8()).ToArray() : a.T is not null ? a.T : null;

    public long? Integer(string name) => (long?)Typed<long>(name, "a whole number");

    public float? Float(string name) => (float?)Typed<float>(name, "a number");

    public string? Text(string name) => (string?)Typed<string>(name, "text");

    public float[]? Floats(string name) => (float[]?)Typed<float[]>(name, "a list of numbers");

    public long[]? Integers(string name) => (long[]?)Typed<long[]>(name, "a list of whole numbers");

    public string[]? Texts(string name) => (string[]?)Typed<string[]>(name, "a list of texts");

    public TensorProto? Tensor(string name) => (TensorProto?)Typed<TensorProto>(name, "a tensor");

    /// <summary>Refuses an attribute that is not among <paramref name="known"/>.</summary>
    public void Only(string operatorName, params ReadOnlySpan<string> known)
    {
        foreach (string name in _values.Keys)
        {
            if (!known.Contains(name))
                throw new ModelFormatException(where, $"the attribute {Shorten(name)} is none of {operatorName}'s: {string.Join(", ", known.ToArray())}.");
        }
    }

    private object? Typed<T>(string name, string kind)
    {
        if (!_values.TryGetValue(name, out object? value))
            return null;
        return value is T ? value : throw new ModelFormatException(where, $"the attribute {name} is {Show(value)}; {kind} was expected.");
    }

    private static string Show(object value) => value switch
    {
        long or float => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        string text => $"'{Shorten(text)}'",
        Array => "a list",
        _ => "no number, text or list",
    };

    private static string Shorten(string text)
    {
        var clean = new StringBuilder();
        foreach (char c in text.AsSpan(0, Math.Min(60, text.Length)))
            clean.Append(char.IsControl(c) ? '?' : c);
        return clean.ToString();
    }

    private enum AttributeType
    {
        Undefined = 0,
        Float = 1,
        Int = 2,
        String = 3,
        Tensor = 4,
        Floats = 6,
        Ints = 7,
        Strings = 8,
    }
}
