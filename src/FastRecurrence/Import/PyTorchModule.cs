using System.Globalization;
using System.Numerics;
using FastRecurrence.Cells;

namespace FastRecurrence.Import;

/// <summary>One recurrent module of a PyTorch state dictionary: its sizes, told from the shapes, and its layers on demand.</summary>
public sealed class PyTorchModule
{
    private readonly TensorSource _source;
    private readonly string _where;
    private readonly PyTorchDirection[] _directions;
    private readonly CellDefinition? _cell;
    private readonly ModelFormatException? _refusal;

    internal PyTorchModule(TensorSource source, string prefix, bool cell, ModelFormatException refusal)
    {
        (_source, Prefix, _where, IsCell, _refusal, _directions) = (source, prefix, refusal.Location, cell, refusal, []);
    }

    internal PyTorchModule(TensorSource source, string prefix, string where, bool cell, bool bidirectional, PyTorchDirection[] directions)
    {
        (_source, Prefix, _where, IsCell, IsBidirectional, _directions) = (source, prefix, where, cell, bidirectional, directions);
        PyTorchDirection first = directions[0];
        HasBias = first.InputBias is not null || first.RecurrentBias is not null;
        (HiddenSize, ProjectionSize, _cell) = Sizes(first);
        InputSize = Rank2(first.InputWeights)[1];
        for (int i = 0; i < directions.Length; i++)
            Check(directions[i], i < DirectionCount ? InputSize : DirectionCount * OutputSize);
    }

    /// <summary>What stands before <c>weight_ih_l0</c>, such as <c>decoder.rnn.</c></summary>
    public string Prefix { get; }

    /// <summary>
    /// Why the module cannot be taken, naming what stands in the place of a missing part; null when it can. A refused module has
    /// neither layers nor sizes.
    /// </summary>
    public string? Refusal => _refusal?.Reason;

    /// <summary>What the file says beside the module, such as a second copy of a weight; empty without.</summary>
    public IReadOnlyList<string> Notes { get; internal init; } = [];

    /// <summary>The cell, told from the rows for each hidden unit: 4 LSTM, 3 GRU, 1 RNN.</summary>
    public CellKind Cell => _cell?.Kind ?? default;

    /// <summary>Whether it is a single cell (<c>nn.LSTMCell</c>): names without <c>_l0</c>.</summary>
    public bool IsCell { get; }

    /// <summary>Whether there are reverse weights.</summary>
    public bool IsBidirectional { get; }

    /// <summary>Whether there are biases.</summary>
    public bool HasBias { get; }

    /// <summary>I of the first layer.</summary>
    public int InputSize { get; }

    /// <summary>H.</summary>
    public int HiddenSize { get; }

    /// <summary>P (<c>proj_size</c>), or 0.</summary>
    public int ProjectionSize { get; }

    /// <summary>Layers.</summary>
    public int LayerCount => _directions.Length / DirectionCount;

    private int DirectionCount => IsBidirectional ? 2 : 1;

    private int OutputSize => ProjectionSize == 0 ? HiddenSize : ProjectionSize;

    /// <summary>Reads the weights.</summary>
    /// <param name="nonlinearity">Of an RNN, which its weights do not tell: tanh, the default, or ReLU. Not used by LSTM and GRU.</param>
    /// <exception cref="ModelFormatException">The module is refused; the message is its <see cref="Refusal"/>.</exception>
    /// <exception cref="IOException">The file cannot be read, or it became shorter.</exception>
    public IReadOnlyList<StackLayer> ToLayers(Activation nonlinearity = Activation.Tanh)
    {
        LayerWeights[] weights = [.. ToData(nonlinearity, _source.ReadFloats).Select(data => data.ToWeights())];
        StackLayer Layer(int k) => IsBidirectional ? StackLayer.Bidirectional(weights[2 * k], weights[2 * k + 1]) : StackLayer.Unidirectional(weights[k]);
        return [.. Enumerable.Range(0, LayerCount).Select(Layer)];
    }

    /// <summary>Every layer and direction, forward before reverse.</summary>
    internal IEnumerable<LayerData<T>> ToData<T>(Activation nonlinearity, Func<string, T[]> read)
        where T : struct, IFloatingPointIeee754<T>
    {
        if (_refusal is not null)
            throw new ModelFormatException(_refusal.Location, _refusal.Reason, _refusal);
        T[] Read(TensorInfo? info) => info is null ? [] : read(info.Name);
        foreach (PyTorchDirection d in _directions)
        {
            int I = d.InputWeights.Dimensions[1];
            LayerShape shape = _cell == Lstm.Definition ? LayerShape.Lstm(I, HiddenSize) with { ProjectionSize = ProjectionSize }
                : _cell == Gru.Definition ? LayerShape.Gru(I, HiddenSize)
                : LayerShape.Elman(I, HiddenSize, nonlinearity);
            yield return WeightOrder.PyTorch.Import<T>(
                shape, Read(d.InputWeights), Read(d.RecurrentWeights), Read(d.InputBias), Read(d.RecurrentBias), projection: Read(d.Projection));
        }
    }

    private (int H, int P, CellDefinition Cell) Sizes(PyTorchDirection d)
    {
        int[] hh = Rank2(d.RecurrentWeights);
        int hidden = d.Projection is null ? hh[1] : Rank2(d.Projection)[1];
        if (hidden < 1)
            throw Wrong(d.RecurrentWeights, "it has no columns, so there is no hidden unit.");
        int blocks = hh[0] % hidden == 0 ? hh[0] / hidden : 0;
        if (blocks is not (1 or 3 or 4))
        {
            string hint = hh[0] > 0 && hh[1] % hh[0] == 0 && hh[1] / hh[0] is 3 or 4 ? " It looks transposed, as Keras keeps it."
                : d.Projection is null ? " With fewer columns than hidden units there would be a weight_hr." : "";
            throw Wrong(d.RecurrentWeights, string.Create(CultureInfo.InvariantCulture,
                $"{hh[0]} rows for {hidden} hidden units: an LSTM has {4L * hidden}, a GRU {3L * hidden}, an RNN {hidden}.{hint}"));
        }

        if (d.Projection is not null && blocks != 4)
            throw Wrong(d.Projection, "only an LSTM has a projection.");
        if (hidden > int.MaxValue / 8 || d.Projection is not null && Rank2(d.Projection)[0] >= hidden)
        {
            throw Wrong(d.Projection ?? d.RecurrentWeights, string.Create(CultureInfo.InvariantCulture,
                $"a projection is smaller than its {hidden} hidden units."));
        }


        CellDefinition cell = blocks switch { 4 => Lstm.Definition, 3 => Gru.Definition, _ => Elman.Definition };
        return (hidden, d.Projection is null ? 0 : d.Projection.Dimensions[0], cell);
    }

    private void Check(PyTorchDirection d, int inputSize)
    {
        int rows = (_cell == Lstm.Definition ? 4 : _cell == Gru.Definition ? 3 : 1) * HiddenSize;
        Require(d.InputWeights, rows, inputSize);
        Require(d.RecurrentWeights, rows, OutputSize);
        RequirePartner(d.InputBias, d.RecurrentBias, d, "bias_ih");
        RequirePartner(d.RecurrentBias, d.InputBias, d, "bias_hh");
        if (HasBias && d.InputBias is null)
            throw Wrong(d.InputWeights, "it has no bias, but other parts of the module have.");
        if (!HasBias && d.InputBias is not null)
            throw Wrong(d.InputBias, "other parts of the module have no bias.");
        if (d.InputBias is not null)
            Require(d.InputBias, rows);
        if (d.RecurrentBias is not null)
            Require(d.RecurrentBias, rows);
        if (d.Projection is null != (ProjectionSize == 0))
            throw Wrong(d.Projection ?? d.RecurrentWeights, "weight_hr is there for some layers or directions only.");
        if (d.Projection is not null)
            Require(d.Projection, ProjectionSize, HiddenSize);
    }

    private void RequirePartner(TensorInfo? one, TensorInfo? other, PyTorchDirection d, string missing)
    {
        if (one is null && other is not null)
            throw Wrong(other, $"its partner {missing} is missing (weights: {d.InputWeights.Name}).");
    }

    private void Require(TensorInfo info, params ReadOnlySpan<int> shape)
    {
        if (!shape.SequenceEqual(info.Dimensions))
        {
            throw Wrong(info, string.Create(CultureInfo.InvariantCulture,
                $"its shape is {TensorInfo.Text(info.Dimensions)}, but {ShapeText.Of(shape)} goes with the other parts ({Cell}, H = {HiddenSize})."));
        }
    }

    private int[] Rank2(TensorInfo info) => info.Dimensions.Length == 2 ? info.Dimensions
        : throw Wrong(info, $"its shape is {TensorInfo.Text(info.Dimensions)}; a weight is a matrix.");

    private ModelFormatException Wrong(TensorInfo info, string reason) => new(_where, $"{info.Name}: {reason}");
}
