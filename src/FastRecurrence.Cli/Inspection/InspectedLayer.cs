using FastRecurrence.Import;

namespace FastRecurrence.Cli.Inspection;

/// <summary>A recurrent layer of a file, or a node that cannot be taken as one.</summary>
/// <param name="Name">Where it is in the file: a prefix and layer, or the way to a node.</param>
/// <param name="Operator">What the file's framework calls it.</param>
/// <param name="Shapes">One for each direction; empty when it is refused.</param>
/// <param name="Direction">forward, reverse or bidirectional.</param>
/// <param name="GateOrder">The gate blocks of W and R as they are stored.</param>
/// <param name="Parameters">Stored numbers: both biases count.</param>
/// <param name="Notes">What the file does not say, or says strangely.</param>
/// <param name="Refusal">Why it is not taken; null when it is.</param>
internal sealed record InspectedLayer(
    string Name, string Operator, IReadOnlyList<LayerShape> Shapes, string Direction, string GateOrder, long Parameters,
    IReadOnlyList<string> Notes, string? Refusal)
{
    /// <summary>The If nodes of the model that it is inside, and in which branch.</summary>
    public IReadOnlyList<(int If, string Branch)> Branches { get; init; } = [];

    /// <summary>Such as <c>W [512, 128] R [512, 128] b [512]</c>, in this library's form, for each direction.</summary>
    public string Tensors => Refusal is not null ? "" : Text(Shapes[0]) + (Shapes.Count == 2 ? ", twice" : "");

    /// <summary>float32 weights of every direction as layers hold them, in bytes, without padding.</summary>
    public long WeightBytes => 4 * Shapes.Sum(Numbers);

    /// <summary>h, and c of an LSTM, for each row, in bytes.</summary>
    public long StateBytes => 4 * Shapes.Sum(s => (long)s.OutputSize + (s.HasCellState ? s.HiddenSize : 0));

    /// <summary>Of one step of one row, every direction.</summary>
    public double FlopsPerStep => Shapes.Sum(s => s.FlopsPerStep(1));

    private static long Numbers(LayerShape s) => (long)s.InputWeightCount + s.RecurrentWeightCount + s.BiasCount + s.PeepholeCount + s.ProjectionCount;

    private static string Text(LayerShape s)
    {
        int rows = s.GateCount * s.HiddenSize;
        string text = $"W {TensorInfo.Text([rows, s.InputSize])} R {TensorInfo.Text([rows, s.OutputSize])} b {TensorInfo.Text([s.BiasCount])}";
        if (s.Peepholes)
            text += $" P {TensorInfo.Text([s.PeepholeCount])}";
        return s.ProjectionSize == 0 ? text : $"{text} W_p {TensorInfo.Text([s.ProjectionSize, s.HiddenSize])}";
    }
}
