using FastRecurrence.Import;
using FastRecurrence.Onnx.Graph;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx;

/// <summary>A recurrent node with constant weights: what it computes, and its weights in our order on demand.</summary>
public sealed class OnnxLayer
{
    private readonly NodeWeights _weights;

    internal OnnxLayer(RecurrentOperator meaning, NodeWeights weights, NodeStates states)
    {
        (Meaning, _weights) = (meaning, weights);
        HasSequenceLengths = states.Lengths is not null;
        InitialHidden = State(states.InitialHidden);
        InitialCell = State(states.InitialCell);
        HasInitialState = IsGiven(states.InitialHidden) || IsGiven(states.InitialCell);
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

    /// <summary>
    /// Whether the node has initial states that may be other than zero: stored numbers, an input of the model (one with a default of
    /// zeros too), or what other nodes compute. Zeros that are stored or made at run time are no initial states.
    /// </summary>
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
        [.. Meaning.Weights(_weights.W.ToFloats(), _weights.R.ToFloats(), _weights.B?.ToFloats(), _weights.P?.ToFloats()).Select(data => data.ToWeights())];

    /// <summary>The layer for a <see cref="RecurrentStack"/>: directions side by side in the output, as PyTorch has them.</summary>
    public StackLayer ToStackLayer()
    {
        IReadOnlyList<LayerWeights> weights = ReadWeights();
        return IsBidirectional ? StackLayer.Bidirectional(weights[0], weights[1]) : StackLayer.Unidirectional(weights[0], Direction);
    }

    /// <summary>The node as ONNX runs it: directions apart, states of ended rows, layouts.</summary>
    public OnnxOperator Prepare(Backend backend) => new(backend, Meaning, ReadWeights());

    /// <summary>As <see cref="ReadWeights"/> in double, for the reference.</summary>
    internal LayerData<double>[] ReadDoubles() =>
        Meaning.Weights(_weights.W.ToDoubles(), _weights.R.ToDoubles(), _weights.B?.ToDoubles(), _weights.P?.ToDoubles());

    private static bool IsGiven(Folded? state) => state is { } given && (!given.IsZero || given.IsDefault);

    private static ReadOnlyMemory<float>? State(Folded? state) =>
        state?.Constant is { } tensor && tensor.Type.IsFloating() ? tensor.ToFloats().AsMemory() : default(ReadOnlyMemory<float>?);
}
