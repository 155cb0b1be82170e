using System.Globalization;
using System.Numerics;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Graph;

namespace FastRecurrence.Onnx.Operators;

/// <summary>
/// What an RNN, GRU or LSTM node means, from its attributes and the shapes of its inputs, all checked against each other.
/// Where ONNX' text is silent: docs/onnx.md.
/// </summary>
internal sealed class RecurrentOperator
{
    private readonly string _where;

    private RecurrentOperator(NodeHeader header, NodeAttributes attributes, LayerShape[] shapes)
    {
        _where = header.Where;
        Name = header.Name;
        Shapes = shapes;
        IsReverse = attributes.IsReverse;
        IsBatchMajor = attributes.IsBatchMajor;
        Warnings = attributes.Warnings;
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
    /// <exception cref="ModelFormatException">Attributes or shapes contradict the operator or each other.</exception>
    /// <exception cref="NotSupportedException">The opset is too old, or newer than any that is known and the node is read strictly.</exception>
    public static RecurrentOperator Create(NodeHeader header, WeightShapes weights)
    {
        NodeAttributes attributes = NodeAttributes.Read(header);
        if (header.IsStrict && attributes.Warnings.Count != 0)
            throw new ModelFormatException(header.Where, attributes.Warnings[0] + ".");
        int H = CheckWeights(header, weights, attributes.DirectionCount);
        ActivationFunction[] functions = attributes.Functions;
        int each = functions.Length / attributes.DirectionCount;
        var shapes = new LayerShape[attributes.DirectionCount];
        for (int d = 0; d < shapes.Length; d++)
        {
            try
            {
                shapes[d] = Shape(header.Name, weights, H, attributes, functions.AsSpan(d * each, each));
            }
            catch (ArgumentException e)
            {
                throw new ModelFormatException(header.Where, e.Message, e);
            }
        }

        return new RecurrentOperator(header, attributes, shapes);
    }

    /// <summary>Checks what can be checked of a node whose weights are not constant.</summary>
    public static void CheckAttributes(NodeHeader header)
    {
        NodeAttributes.Read(header);
        if (header.Attributes.Integer("hidden_size") is < 1 and { } size)
            throw new ModelFormatException(header.Where, Text($"hidden_size is {size}; it is 1 or more."));
    }

    private static LayerShape Shape(string name, WeightShapes weights, int H, NodeAttributes attributes, ReadOnlySpan<ActivationFunction> f)
    {
        int I = weights.W[2];
        return name switch
        {
            "LSTM" => LayerShape.Lstm(I, H) with
            {
                GateActivation = f[0],
                CandidateActivation = f[1],
                CellActivation = f[2],
                Clip = attributes.Clip,
                CoupledInputForget = attributes.IsCoupled,
                Peepholes = weights.P is not null,
            },
            "GRU" => LayerShape.Gru(I, H, attributes.IsLinearBeforeReset) with { GateActivation = f[0], CandidateActivation = f[1], Clip = attributes.Clip },
            _ => LayerShape.Elman(I, H, f[0]) with { Clip = attributes.Clip },
        };
    }

    /// <summary>Checks the shapes of the weights against each other and gives H.</summary>
    private static int CheckWeights(NodeHeader header, WeightShapes weights, int D)
    {
        string where = header.Where;
        (int[] w, int[] r, int[]? b, int[]? p) = (weights.W, weights.R, weights.B, weights.P);
        int G = GateCount(header.Name);
        if (r.Length != 3 || r[2] < 1)
            throw Wrong(where, "R", r, Text($"[{D}, {G}·H, H]"));
        int H = r[2];
        if (r[0] != D || r[1] != (long)G * H)
            throw Wrong(where, "R", r, Text($"[{D}, {(long)G * H}, {H}] ([D, {G}·H, H])"));
        if (header.Attributes.Integer("hidden_size") is { } declared && declared != H)
            throw new ModelFormatException(where, Text($"hidden_size is {declared}, but R {ShapeText.Of(r)} has H = {H}."));
        if (w.Length != 3 || w[0] != D || w[1] != G * H)
        {
            string? like = w.Length == 3 && w[1] % H == 0 ? (w[1] / H) switch { 1 => "an RNN", 3 => "a GRU", 4 => "an LSTM", _ => null } : null;
            throw Wrong(where, "W", w, Text($"[{D}, {G * H}, I] ([D, {G}·H, I])"), like is null ? "" : $" It looks like {like}'s.");
        }

        if (b is not null && !b.AsSpan().SequenceEqual([D, 2 * G * H]))
        {
            string hint = b.Length == 2 && b[1] == G * H ? " Half of it is missing: both biases are wanted, even where one is zero." : "";
            throw Wrong(where, "B", b, Text($"[{D}, {2 * G * H}] ([D, 2·{G}·H], Wb ‖ Rb)"), hint);
        }

        if (p is not null && header.Name != "LSTM")
            throw new ModelFormatException(where, $"{header.Name} has no peepholes P.");
        if (p is not null && !p.AsSpan().SequenceEqual([D, 3 * H]))
            throw Wrong(where, "P", p, Text($"[{D}, {3 * H}] ([D, 3·H])"));
        return H;
    }

    private static int GateCount(string name) => name switch { "LSTM" => 4, "GRU" => 3, _ => 1 };

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
        {
            string first = IsBatchMajor ? "N, T" : "T, N";
            throw Wrong(_where, "X", x, Text($"[{first}, {Shapes[0].InputSize}]"));
        }

        (int T, int N) = IsBatchMajor ? (x[1], x[0]) : (x[0], x[1]);
        int[] state = IsBatchMajor ? [N, D, H] : [D, N, H];
        if (initialCell is not null && Name != "LSTM")
            throw new ModelFormatException(_where, $"{Name} has no initial_c.");
        foreach ((int[]? shape, string what) in (ReadOnlySpan<(int[]?, string)>)[(initialHidden, "initial_h"), (initialCell, "initial_c")])
        {
            if (shape is not null && !shape.AsSpan().SequenceEqual(state))
                throw Wrong(_where, what, shape, $"{ShapeText.Of(state)}; states are never broadcast");
        }

        if (lengthsShape is not null && !lengthsShape.AsSpan().SequenceEqual([N]))
            throw Wrong(_where, "sequence_lens", lengthsShape, ShapeText.Of<int>([N]));
        for (int n = 0; n < lengths.Length; n++)
        {
            if (lengths[n] < 0 || lengths[n] > T)
                throw new ModelFormatException(_where, Text($"sequence_lens[{n}] is {lengths[n]}; a length lies between 0 and T = {T}."));
        }

        return (T, N);
    }

    private static ModelFormatException Wrong(string where, string input, int[] shape, string expected, string hint = "") =>
        new(where, $"{input} is {ShapeText.Of(shape)}, expected {expected}.{hint}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
