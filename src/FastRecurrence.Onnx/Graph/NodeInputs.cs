using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The constant weights of a recurrent node.</summary>
internal sealed record NodeWeights(OnnxTensor W, OnnxTensor R, OnnxTensor? B, OnnxTensor? P)
{
    public WeightShapes Shapes => new(W.Shape, R.Shape, B?.Shape, P?.Shape);
}

/// <summary>What stands behind the other inputs of a recurrent node; null for an input that it does not have.</summary>
internal sealed record NodeStates(Folded? Lengths, Folded? InitialHidden, Folded? InitialCell);
