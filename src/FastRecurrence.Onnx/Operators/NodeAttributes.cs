using System.Globalization;
using FastRecurrence.Onnx.Graph;

namespace FastRecurrence.Onnx.Operators;

/// <summary>The attributes of a recurrent node, read and checked.</summary>
internal sealed record NodeAttributes
{
    /// <summary>Below, the operators are other ones.</summary>
    private const int OldestOpset = 7;

    /// <summary>The newest opset that was looked at: until it the operators are those of opset 22.</summary>
    private const int NewestOpset = 27;

    /// <summary>The only direction is reverse.</summary>
    public required bool IsReverse { get; init; }

    /// <summary>1 or 2.</summary>
    public required int DirectionCount { get; init; }

    /// <summary>Of all directions, one after the other.</summary>
    public required ActivationFunction[] Functions { get; init; }

    /// <summary>+∞ for none.</summary>
    public required float Clip { get; init; }

    /// <summary>layout = 1.</summary>
    public required bool IsBatchMajor { get; init; }

    public required bool IsLinearBeforeReset { get; init; }

    /// <summary>input_forget.</summary>
    public required bool IsCoupled { get; init; }

    /// <summary>What the node says more than it means, or in a way that nobody knows yet.</summary>
    public required List<string> Warnings { get; init; }

    /// <exception cref="ModelFormatException">An attribute is unknown or impossible.</exception>
    /// <exception cref="NotSupportedException">The opset is too old, or newer than any that is known and the node is read strictly.</exception>
    public static NodeAttributes Read(NodeHeader header)
    {
        (string where, string name, OperatorAttributes attributes) = (header.Where, header.Name, header.Attributes);
        var warnings = new List<string>();
        CheckOpset(header, warnings);
        List<string> known = ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"];
        if (name == "LSTM")
            known.Add("input_forget");
        if (name == "GRU")
            known.Add("linear_before_reset");
        if (header.Opset >= 14)
            known.Add("layout");
        attributes.Only(Text($"{name} (opset {header.Opset})"), known.ToArray());

        string direction = attributes.Text("direction") ?? "forward";
        if (direction is not ("forward" or "reverse" or "bidirectional"))
            throw new ModelFormatException(where, $"direction is '{NodeText.Short(direction)}'; it is forward, reverse or bidirectional.");
        int D = direction == "bidirectional" ? 2 : 1;
        float clip = attributes.Float("clip") ?? float.PositiveInfinity;
        if (!(clip > 0))
            throw new ModelFormatException(where, Text($"clip is {clip}; it must be positive."));
        string[] names = ActivationNames(header, direction, D);
        return new NodeAttributes
        {
            IsReverse = direction == "reverse",
            DirectionCount = D,
            Functions = ActivationList.Read(where, names, attributes.Floats("activation_alpha") ?? [], attributes.Floats("activation_beta") ?? [], warnings),
            Clip = clip,
            IsBatchMajor = Flag(where, attributes, "layout"),
            IsLinearBeforeReset = Flag(where, attributes, "linear_before_reset"),
            IsCoupled = Flag(where, attributes, "input_forget"),
            Warnings = warnings,
        };
    }

    private static void CheckOpset(NodeHeader header, List<string> warnings)
    {
        (string where, string name, long opset) = (header.Where, header.Name, header.Opset);
        if (opset < OldestOpset)
        {
            string known = Text($"opsets {OldestOpset} to {NewestOpset} are supported");
            throw new NotSupportedException(Text($"{where}: {name} of opset {opset} is another operator; {known}. Convert the model to a newer opset."));
        }

        if (opset <= NewestOpset)
            return;

        // Most opsets change other operators. An attribute that is new to the node is refused by its name.
        if (header.IsStrict)
            throw new NotSupportedException(Text($"{where}: opset {opset} is not known; {name} is known in opsets {OldestOpset} to {NewestOpset}."));
        warnings.Add(Text($"opset {opset} is newer than the newest that is known, {NewestOpset}: {name} is taken as it is there"));
    }

    private static string[] ActivationNames(NodeHeader header, string direction, int D)
    {
        string name = header.Name;
        string[] standard = name switch { "LSTM" => ["Sigmoid", "Tanh", "Tanh"], "GRU" => ["Sigmoid", "Tanh"], _ => ["Tanh"] };
        string[] names = header.Attributes.Texts("activations") ?? [.. Enumerable.Repeat(standard, D).SelectMany(n => n)];
        if (names.Length == D * standard.Length)
            return names;

        // The RNN schema's own default has two entries whatever the direction.
        if (name == "RNN" && names is ["Tanh", "Tanh"])
            return ["Tanh"];
        throw new ModelFormatException(header.Where, Text(
            $"activations has {names.Length} entries; a {direction} {name} needs {D * standard.Length} ({standard.Length} for each direction)."));
    }

    private static bool Flag(string where, OperatorAttributes attributes, string name) => attributes.Integer(name) switch
    {
        null or 0 => false,
        1 => true,
        { } other => throw new ModelFormatException(where, Text($"{name} is {other}; it is 0 or 1.")),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
