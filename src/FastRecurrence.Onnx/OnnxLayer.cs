using FastRecurrence.Import;
using FastRecurrence.Onnx.Graph;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx;

/// <summary>A recurrent node with constant weights: what it computes, and its weights in our order on demand.</summary>
public sealed class OnnxLayer
{
    private readonly OnnxTensor _w, _r;
    private readonly OnnxTensor? _b, _p;

    internal OnnxLayer(RecurrentOperator meaning, OnnxTensor w, OnnxTensor r, OnnxTensor? b, OnnxTensor? p, Folded? lengths, Folded? initialHidden, Folded? initialCell)
    {
        (Meaning, _w, _r, _b, _p) = (meaning, w, r, b, p);
        HasSequenceLengths = lengths is not null;
        InitialHidden = State(initialHidden);
        InitialCell = State(initialCell);
        HasInitialState = initialHidden is { IsZero: false } || initialCell is { IsZero: false };
    }

    /// <summary>One shape for each direction, forward first.</summary>
    public IReadOnlyList<LayerShape> Shapes => Meaning.Shapes;

    /// <summary>Whether the node walks in both directions.</summary>
    public bool IsBidirectional => Meaning.Shapes.Length == 2;

    /// <summary>The direction of the first shape.</summary>
    public Direction Direction => Meaning.DirectionOf(0);

    /// <summary>The layout of X and Y; batch-major for <c>layout = 1</c>, where the initial and final states are <c>[N, D, H]</c> too.</summary>
    public SequenceLayout Layout => Meaning.IsBatchMajor ? SequenceLayout.BatchMajor : SequenceLayout.TimeMajor;

    /// <summary>Whether the node has sequence_lens.</summary>
    public bool HasSequenceLengths { get; }

    /// <summary>Whether the node has initial states that are not known to be zero.</summary>
    public bool HasInitialState { get; }

    /// <summary>initial_h where it is constant, in the node's layout.</summary>
    public ReadOnlyMemory<float>? InitialHidden { get; }

    /// <summary>initial_c where it is constant, in the node's layout.</summary>
    public ReadOnlyMemory<float>? InitialCell { get; }

    /// <summary>What the file says more than it means, such as surplus activation_alpha.</summary>
    public IReadOnlyList<string> Warnings => Meaning.Warnings;

    internal RecurrentOperator Meaning { get; }

    /// <summary>The weights of every direction, forward first; read anew at each call.</summary>
    public IReadOnlyList<LayerWeights> ReadWeights() =>
        [.. Meaning.Weights(_w.ToFloats(), _r.ToFloats(), _b?.ToFloats(), _p?.ToFloats()).Select(data => data.ToWeights())];

    /// <summary>The layer for a <see cref="RecurrentStack"/>: directions side by side in the output, as PyTorch has them.</summary>
    public StackLayer ToStackLayer()
    {
        IReadOnlyList<LayerWeights> weights = ReadWeights();
        return IsBidirectional ? StackLayer.Bidirectional(weights[0], weights[1]) : StackLayer.Unidirectional(weights[0], Direction);
    }

    /// <summary>The node as ONNX runs it: directions apart, states of ended rows, layouts.</summary>
    public OnnxOperator Prepare(Backend backend) => new(backend, Meaning, ReadWeights());

    /// <summary>As <see cref="ReadWeights"/> in double, for the reference.</summary>
    internal LayerData<double>[] ReadDoubles() => Meaning.Weights(_w.ToDoubles(), _r.ToDoubles(), _b?.ToDoubles(), _p?.ToDoubles());

    private static ReadOnlyMemory<float>? State(Folded? state) => state is { Constant: { } tensor } && tensor.Type.IsFloating() ? tensor.ToFloats().AsMemory() : default(ReadOnlyMemory<float>?);
}
