using System.Text.Json;
using System.Text.Json.Serialization;
using FastRecurrence.Cells;

namespace FastRecurrence;

/// <summary>
/// A shape as JSON: <c>{"cell": "lstm", "inputSize": 64, "hiddenSize": 128}</c> and the variations that are not the defaults. A field that no shape has,
/// a value that the cell refuses and a field that is missing are a <see cref="JsonException"/> that names it.
/// </summary>
public sealed class LayerShapeJsonConverter : JsonConverter<LayerShape>
{
    private static readonly CellDefinition[] s_cells = [Lstm.Definition, Gru.Definition, Elman.Definition, Dense.Definition];

    /// <inheritdoc/>
    public override LayerShape Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw new JsonException($"A layer shape is an object with cell, inputSize and hiddenSize; there is {root.ValueKind}.");
        try
        {
            string name = Text(Required(root, "cell"), "cell");
            CellDefinition cell = Array.Find(s_cells, c => c.Name == name)
                ?? throw new JsonException($"cell: '{name}' is none of {string.Join(", ", s_cells.Select(c => c.Name))}.");
            var plain = new LayerShape(cell, Number(Required(root, "inputSize"), "inputSize"), Number(Required(root, "hiddenSize"), "hiddenSize"),
                cell == Dense.Definition ? Activation.Linear : Activation.Tanh, linearBeforeReset: cell == Gru.Definition);
            return root.EnumerateObject().Aggregate(plain, Varied);
        }
        catch (ArgumentException e)
        {
            throw new JsonException(e.Message.ReplaceLineEndings(" "), e);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, LayerShape value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteStartObject();
        writer.WriteString("cell", value.Definition.Name);
        writer.WriteNumber("inputSize", value.InputSize);
        writer.WriteNumber("hiddenSize", value.HiddenSize);
        WriteActivation(writer, "gateActivation", value.GateActivation, Activation.Sigmoid);
        WriteActivation(writer, "candidateActivation", value.CandidateActivation, value.Definition == Dense.Definition ? Activation.Linear : Activation.Tanh);
        WriteActivation(writer, "cellActivation", value.CellActivation, Activation.Tanh);
        if (value.Peepholes)
            writer.WriteBoolean("peepholes", true);
        if (value.CoupledInputForget)
            writer.WriteBoolean("coupledInputForget", true);
        if (value.Definition == Gru.Definition && !value.LinearBeforeReset)
            writer.WriteBoolean("linearBeforeReset", false);
        if (value.ProjectionSize != 0)
            writer.WriteNumber("projectionSize", value.ProjectionSize);
        if (!float.IsPositiveInfinity(value.Clip))
            writer.WriteNumber("clip", value.Clip);
        writer.WriteEndObject();
    }

    private static LayerShape Varied(LayerShape shape, JsonProperty field) => field.Name switch
    {
        "cell" or "inputSize" or "hiddenSize" => shape,
        "gateActivation" => shape with { GateActivation = Function(field) },
        "candidateActivation" => shape with { CandidateActivation = Function(field) },
        "cellActivation" => shape with { CellActivation = Function(field) },
        "peepholes" => shape with { Peepholes = Truth(field) },
        "coupledInputForget" => shape with { CoupledInputForget = Truth(field) },
        "linearBeforeReset" => shape with { LinearBeforeReset = Truth(field) },
        "projectionSize" => shape with { ProjectionSize = Number(field.Value, field.Name) },
        "clip" => shape with { Clip = Real(field.Value, field.Name) },
        _ => throw new JsonException($"'{field.Name}': a layer shape has no such field."),
    };

    // A name alone where the function has its default parameters or none.
    private static void WriteActivation(Utf8JsonWriter writer, string name, ActivationFunction function, Activation byDefault)
    {
        if (function == byDefault)
            return;
        bool isPlain = function.Kind is not (Activation.Affine or Activation.ScaledTanh) && function == ActivationFunction.From(function.Kind);
        if (isPlain)
        {
            writer.WriteString(name, function.Kind.ToString());
            return;
        }

        writer.WriteStartObject(name);
        writer.WriteString("kind", function.Kind.ToString());
        writer.WriteNumber("alpha", function.Alpha);
        writer.WriteNumber("beta", function.Beta);
        writer.WriteEndObject();
    }

    private static ActivationFunction Function(JsonProperty field)
    {
        bool isObject = field.Value.ValueKind == JsonValueKind.Object;
        string text = Text(isObject ? Required(field.Value, "kind") : field.Value, field.Name);
        if (!Enum.TryParse(text, ignoreCase: true, out Activation kind) || !Enum.IsDefined(kind) || char.IsAsciiDigit(text[0]))
            throw new JsonException($"{field.Name}: '{text}' is none of {string.Join(", ", Enum.GetNames<Activation>())}.");
        float Parameter(string name) => field.Value.TryGetProperty(name, out JsonElement value) ? Real(value, name) : 0;
        return isObject ? new ActivationFunction(kind, Parameter("alpha"), Parameter("beta")) : ActivationFunction.From(kind);
    }

    private static JsonElement Required(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) ? value : throw new JsonException($"'{name}' is missing.");

    private static string Text(JsonElement value, string name) => value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text
        : throw new JsonException($"{name}: text was expected, there is {value.ValueKind}.");

    private static int Number(JsonElement value, string name) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number
        : throw new JsonException($"{name}: a whole number was expected, there is {value.GetRawText()}.");

    private static float Real(JsonElement value, string name) => value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) ? number
        : throw new JsonException($"{name}: a number was expected, there is {value.GetRawText()}.");

    private static bool Truth(JsonProperty field) => field.Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? field.Value.GetBoolean()
        : throw new JsonException($"{field.Name}: true or false was expected, there is {field.Value.GetRawText()}.");
}
