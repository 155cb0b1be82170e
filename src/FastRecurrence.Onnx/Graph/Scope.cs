using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>A name's meaning: its definition, and the scope whose names the definition uses.</summary>
internal readonly record struct ValueSource(Scope Home, Definition Definition);

/// <summary>
/// The names that a node sees: those of its graph, and of the graphs around it. The body of a function sees none around it; its
/// inputs and attributes are those of the call.
/// </summary>
internal sealed class Scope
{
    private readonly GraphNames _names;
    private readonly Scope? _parent, _caller;
    private readonly NodeProto? _call;
    private readonly IReadOnlyDictionary<string, OnnxTensor>? _bound;
    private readonly FunctionProto? _function;
    private Dictionary<string, AttributeProto>? _attributes;

    private Scope(GraphNames names, long? opset, Scope? parent)
    {
        (_names, Opset, _parent) = (names, opset, parent);
    }

    private Scope(GraphNames names, long? opset, FunctionProto function, Scope? caller, NodeProto? call)
        : this(names, opset, (Scope?)null)
    {
        (_function, _caller, _call) = (function, caller, call);
    }

    private Scope(GraphNames names, long? opset, IReadOnlyDictionary<string, OnnxTensor>? bound)
        : this(names, opset, (Scope?)null)
    {
        _bound = bound;
    }

    /// <summary>File and path of graphs, for errors and for people.</summary>
    public string Where => _names.Where;

    /// <summary>The version of the default domain; null when the model names none.</summary>
    public long? Opset { get; }

    /// <summary>Inside a function, the attributes of the call, and the function's defaults for those that it leaves out; null outside.</summary>
    public IReadOnlyDictionary<string, AttributeProto>? Attributes => _function is null ? _parent?.Attributes : _attributes ??= CallAttributes();

    /// <summary>The model's own graph.</summary>
    /// <param name="names">Its names.</param>
    /// <param name="opset">The version of the default domain.</param>
    /// <param name="bound">Values of its inputs that are known.</param>
    public static Scope OfModel(GraphNames names, long? opset, IReadOnlyDictionary<string, OnnxTensor>? bound) => new(names, opset, bound);

    /// <summary>A graph inside a node.</summary>
    public static Scope Inside(Scope parent, GraphNames names) => new(names, parent.Opset, parent);

    /// <summary>A function's body for one call; without a caller its inputs stay open.</summary>
    public static Scope OfCall(GraphNames names, FunctionProto function, long? opset, Scope? caller, NodeProto? call) =>
        new(names, opset, function, caller, call);

    /// <summary>Looks a name up, from the inside out; null when it is defined nowhere.</summary>
    public ValueSource? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope._parent)
        {
            if (scope._names.Find(name) is { } definition)
                return new ValueSource(scope, definition);
        }

        return null;
    }

    /// <summary>The value that is bound to an input of this scope; null for none.</summary>
    public OnnxTensor? Bound(string name) => _bound?.GetValueOrDefault(name);

    /// <summary>The caller's name for an input of this function; null where there is none.</summary>
    public (Scope Caller, string Name)? Argument(Definition input)
    {
        bool given = _call is not null && input.Input >= 0 && input.Input < _call.Input.Count && _call.Input[input.Input].Length != 0;
        return given ? (_caller!, _call!.Input[input.Input]) : null;
    }

    private Dictionary<string, AttributeProto> CallAttributes()
    {
        var attributes = new Dictionary<string, AttributeProto>(StringComparer.Ordinal);
        foreach (AttributeProto standard in _function!.AttributeProto)
            attributes[standard.Name] = standard;
        foreach (AttributeProto written in _call?.Attribute ?? [])
        {
            // A call inside another function may hand on an attribute that the function got itself.
            AttributeProto? value = written.RefAttrName.Length == 0 ? written : _caller?.Attributes?.GetValueOrDefault(written.RefAttrName);
            if (value is not null)
                attributes[written.Name] = value;
        }

        return attributes;
    }
}
