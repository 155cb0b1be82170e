using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>
/// The Elman cell (Elman 1990; simple RNN, ONNX <c>RNN</c>): h = f(preactivation). The activation is a plain value that
/// callers test outside their loops where speed matters.
/// </summary>
internal static class ElmanCell<V, L>
    where V : struct
    where L : ILanes<V>
{
    /// <summary>h from the preactivation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Step(V preactivation, Activation activation) => activation switch
    {
        Activation.Sigmoid => Activations<V, L>.Sigmoid(preactivation),
        Activation.Tanh => Activations<V, L>.Tanh(preactivation),
        Activation.Relu => Activations<V, L>.Relu(preactivation),
        _ => preactivation,
    };
}
