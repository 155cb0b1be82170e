using System.Globalization;
using System.Numerics;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Graph;

namespace FastRecurrence.Onnx.Operators;

/// <summary>
/// What an RNN, GRU or LSTM node means, from its attributes and the shapes of its inputs, all checked against each other.
/// Where ONNX' text is silent: kernels.md, "ONNX".
/// </summary>
internal sealed class RecurrentOperator
{
    /// <summary>Below, the operators are other ones.</summary>
    public const int OldestOpset = 7;

    /// <summary>The operators are those of opset 22 up to here.</summary>
    public const int NewestOpset = 25;

    private readonly string _where;

    private RecurrentOperator(string where, string name, LayerShape[] shapes, bool reverse, bool batchMajor, List<string> warnings)
    {
        _where = where;
        Name = name;
        Shapes = shapes;
        IsReverse = reverse;
        IsBatchMajor = batchMajor;
        Warnings = warnings;
    }

    public string Name { get; }

    /// <summary>One for each direction, forward first.</summary>
    public LayerShape[] Shapes { get; }

    /// <summary>Whether the only direction is reverse.</summary>
    public bool IsReverse { get; }

    /// <summary>layout = 1.</summary>
    public bool IsBatchMajor { get; }

    public List<string> Warnings { get; }

    private int D => Shapes.Length;

    private int H => Shapes[0].HiddenSize;

    public Direction DirectionOf(int d) => IsReverse || d == 1 ? Direction.Reverse : Direction.Forward;

    /// <summary>Checks a node and gives its meaning.</summary>
    /// <param name="where">File and node, for errors.</param>
    /// <param name="name">RNN, GRU or LSTM.</param>
    /// <param name="opset">The version of the default domain.</param>
    /// <param name="attributes">The node's attributes.</param>
    /// <param name="w">The shape of W.</param>
    /// <param name="r">The shape of R.</param>
    /// <param name="b">The shape of B; null without.</param>
    /// <param name="p">The shape of P; null without.</param>
    /// <param name="strict">Whether surplus parameters are refused and not only reported.</param>
    /// <exception cref="ModelFormatException">Attributes or shapes contradict the operator or each other.</exception>
    /// <exception cref="NotSupportedException">The opset is too old or unknown.</exception>
    public static RecurrentOperator Create(string where, string name, long opset, OperatorAttributes attributes, int[] w, int[] r, int[]? b, int[]? p, bool strict)
    {
        int G = name switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        (bool reverse, int D, ActivationFunction[] functions, float clip, bool batchMajor, bool linear, bool coupled, List<string> warnings) = Read(where, name, opset, attributes);
        if (strict && warnings.Count != 0)
            throw new ModelFormatException(where, warnings[0] + ".");

        if (r.Length != 3 || r[2] < 1)
            throw Wrong(where, "R", r, Text($"[{D}, {G}·H, H]"));
        int H = r[2];
        if (r[0] != D || r[1] != (long)G * H)
            throw Wrong(where, "R", r, Text($"[{D}, {(long)G * H}, {H}] ([D, {G}·H, H])"));
        if (attributes.Integer("hidden_size") is { } declared && declared != H)
            throw new ModelFormatException(where, Text($"hidden_size is {declared}, but R {Show(r)} has H = {H}."));
        if (w.Length != 3 || w[0] != D || w[1] != G * H)
        {
            string like = w.Length == 3 && w[1] % H == 0 ? (w[1] / H) switch { 1 => " It looks like an RNN's.", 3 => " It looks like a GRU's.", 4 => " It looks like an LSTM's.", _ => "" } : "";
            throw Wrong(where, "W", w, Text($"[{D}, {G * H}, I] ([D, {G}·H, I])"), like);
        }

        if (b is not null && !b.AsSpan().SequenceEqual([D, 2 * G * H]))
            throw Wrong(where, "B", b, Text($"[{D}, {2 * G * H}] ([D, 2·{G}·H], Wb ‖ Rb)"), b.Length == 2 && b[1] == G * H ? " Half of it is missing: both biases are wanted, even where one is zero." : "");
        if (p is not null && name != "LSTM")
            throw new ModelFormatException(where, $"{name} has no peepholes P.");
        if (p is not null && !p.AsSpan().SequenceEqual([D, 3 * H]))
            throw Wrong(where, "P", p, Text($"[{D}, {3 * H}] ([D, 3·H])"));

        int each = functions.Length / D;
        var shapes = new LayerShape[D];
        for (int d = 0; d < D; d++)
        {
            ReadOnlySpan<ActivationFunction> f = functions.AsSpan(d * each, each);
            try
            {
                shapes[d] = name switch
                {
                    "LSTM" => LayerShape.Lstm(w[2], H) with { GateActivation = f[0], CandidateActivation = f[1], CellActivation = f[2], Clip = clip, CoupledInputForget = coupled, Peepholes = p is not null },
                    "GRU" => LayerShape.Gru(w[2], H, linear) with { GateActivation = f[0], CandidateActivation = f[1], Clip = clip },
                    _ => LayerShape.Elman(w[2], H, f[0]) with { Clip = clip },
                };
            }
            catch (ArgumentException e)
            {
                throw new ModelFormatException(where, e.Message, e);
            }
        }

        return new RecurrentOperator(where, name, shapes, reverse, batchMajor, warnings);
    }

    /// <summary>Checks what can be checked of a node whose weights are not constant.</summary>
    public static void CheckAttributes(string where, string name, long opset, OperatorAttributes attributes)
    {
        Read(where, name, opset, attributes);
        if (attributes.Integer("hidden_size") is < 1 and { } size)
            throw new ModelFormatException(where, Text($"hidden_size is {size}; it is 1 or more."));
    }

    private static (bool Reverse, int D, ActivationFunction[] Functions, float Clip, bool BatchMajor, bool Linear, bool Coupled, List<string> Warnings) Read(
        string where, string name, long opset, OperatorAttributes attributes)
    {
        if (opset < OldestOpset)
            throw new NotSupportedException(Text($"{where}: {name} of opset {opset} is another operator; opsets {OldestOpset} to {NewestOpset} are supported. Convert the model to a newer opset."));
        if (opset > NewestOpset)
            throw new NotSupportedException(Text($"{where}: opset {opset} is not known; {name} is supported in opsets {OldestOpset} to {NewestOpset}."));
        List<string> known = ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"];
        if (name == "LSTM")
            known.Add("input_forget");
        if (name == "GRU")
            known.Add("linear_before_reset");
        if (opset >= 14)
            known.Add("layout");
        attributes.Only(Text($"{name} (opset {opset})"), known.ToArray());

        string direction = attributes.Text("direction") ?? "forward";
        if (direction is not ("forward" or "reverse" or "bidirectional"))
            throw new ModelFormatException(where, $"direction is '{NodeText.Short(direction)}'; it is forward, reverse or bidirectional.");
        int D = direction == "bidirectional" ? 2 : 1;

        string[] standard = name switch { "LSTM" => ["Sigmoid", "Tanh", "Tanh"], "GRU" => ["Sigmoid", "Tanh"], _ => ["Tanh"] };
        string[] names = attributes.Texts("activations") ?? [.. Enumerable.Repeat(standard, D).SelectMany(n => n)];
        if (names.Length != D * standard.Length)
        {
            // The RNN schema's own default has two entries whatever the direction.
            bool schemaDefault = name == "RNN" && names is ["Tanh", "Tanh"];
            if (!schemaDefault)
                throw new ModelFormatException(where, Text($"activations has {names.Length} entries; a {direction} {name} needs {D * standard.Length} ({standard.Length} for each direction)."));
            names = ["Tanh"];
        }

        var warnings = new List<string>();
        ActivationFunction[] functions = ActivationList.Read(where, names, attributes.Floats("activation_alpha") ?? [], attributes.Floats("activation_beta") ?? [], warnings);
        float clip = attributes.Float("clip") ?? float.PositiveInfinity;
        if (!(clip > 0))
            throw new ModelFormatException(where, Text($"clip is {clip}; it must be positive."));
        return (direction == "reverse", D, functions, clip, Flag(where, attributes, "layout"), Flag(where, attributes, "linear_before_reset"), Flag(where, attributes, "input_forget"), warnings);
    }

    /// <summary>Our weights of every direction, from W, R, B and P whole.</summary>
    public LayerData<T>[] Weights<T>(T[] w, T[] r, T[]? b, T[]? p)
        where T : struct, IFloatingPointIeee754<T>
    {
        ReadOnlySpan<T> Part(T[]? whole, int d) => whole is null ? default : whole.AsSpan(d * (whole.Length / D), whole.Length / D);
        return [.. Enumerable.Range(0, D).Select(d => OnnxWeights.Read(Shapes[d], Part(w, d), Part(r, d), Part(b, d), Part(p, d)))];
    }

    /// <summary>Checks the inputs of one call and gives T and N.</summary>
    /// <exception cref="ModelFormatException">A shape or a length does not fit.</exception>
    public (int T, int N) CheckCall(int[] x, int[]? initialHidden, int[]? initialCell, int[]? lengthsShape, ReadOnlySpan<long> lengths)
    {
        if (x.Length != 3 || x[2] != Shapes[0].InputSize)
            throw Wrong(_where, "X", x, Text($"[{(IsBatchMajor ? "N, T" : "T, N")}, {Shapes[0].InputSize}]"));
        (int T, int N) = IsBatchMajor ? (x[1], x[0]) : (x[0], x[1]);
        int[] state = IsBatchMajor ? [N, D, H] : [D, N, H];
        if (initialCell is not null && Name != "LSTM")
            throw new ModelFormatException(_where, $"{Name} has no initial_c.");
        foreach ((int[]? shape, string what) in (ReadOnlySpan<(int[]?, string)>)[(initialHidden, "initial_h"), (initialCell, "initial_c")])
        {
            if (shape is not null && !shape.AsSpan().SequenceEqual(state))
                throw Wrong(_where, what, shape, $"{Show(state)}; states are never broadcast");
        }

        if (lengthsShape is not null && !lengthsShape.AsSpan().SequenceEqual([N]))
            throw Wrong(_where, "sequence_lens", lengthsShape, Show([N]));
        for (int n = 0; n < lengths.Length; n++)
        {
            if (lengths[n] < 0 || lengths[n] > T)
                throw new ModelFormatException(_where, Text($"sequence_lens[{n}] is {lengths[n]}; a length lies between 0 and T = {T}."));
        }

        return (T, N);
    }

    private static bool Flag(string where, OperatorAttributes attributes, string name) => attributes.Integer(name) switch
    {
        null or 0 => false,
        1 => true,
        { } other => throw new ModelFormatException(where, Text($"{name} is {other}; it is 0 or 1.")),
    };

    private static ModelFormatException Wrong(string where, string input, int[] shape, string expected, string hint = "") =>
        new(where, $"{input} is {Show(shape)}, expected {expected}.{hint}");

    private static string Show(int[] shape) => $"[{string.Join(", ", shape.Select(d => d.ToString(CultureInfo.InvariantCulture)))}]";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
