using FastRecurrence.TorchSharp.Graph;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FastRecurrence.TorchSharp;

/// <summary>
/// <c>nn.GRU</c> on this library's CPU kernels, forward and backward: the same arguments, parameter names, outputs and state dict, so that one changed
/// line is enough. Gradients flow to the input, the initial state and all weights.
/// </summary>
/// <remarks>
/// Parameters as of <see cref="FastLstm"/>, with three gates r, z, n: r multiplies W_hn h + b_hn, as in PyTorch. What holds of element types, devices,
/// dropout, threads and gradients of gradients there holds here. Equations: <see href="https://pytorch.org/docs/stable/generated/torch.nn.GRU.html"/>.
/// </remarks>
public sealed class FastGru : nn.Module<Tensor, Tensor?, (Tensor, Tensor)>
{
    private readonly RecurrentModule _module;

    /// <summary>Makes a layer, or several, with PyTorch's initial weights: uniform in ±1/√H.</summary>
    /// <param name="inputSize">I, features per row of the input.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="numLayers">Layers on top of each other.</param>
    /// <param name="bias">Whether there are b_ih and b_hh.</param>
    /// <param name="batchFirst">Whether input and output are <c>[N, T, ·]</c> instead of <c>[T, N, ·]</c>; states never are.</param>
    /// <param name="dropout">The share of a layer's outputs that the next one does not see in training, from 0 to below 1.</param>
    /// <param name="bidirectional">Whether each layer also runs from the last step to the first.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public FastGru(long inputSize, long hiddenSize, long numLayers = 1, bool bias = true, bool batchFirst = false, double dropout = 0.0,
        bool bidirectional = false)
        : base(nameof(FastGru))
    {
        var form = new ModuleForm(nameof(FastGru), inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional);
        _module = new RecurrentModule(form, (input, hidden) => LayerShape.Gru(input, hidden), this);
        foreach ((string name, Parameter parameter) in _module.Create())
            register_parameter(name, parameter);
    }

    /// <inheritdoc cref="FastLstm.Team"/>
    public WorkerTeam? Team
    {
        get => _module.Team;
        set => _module.Team = value;
    }

    /// <inheritdoc cref="FastLstm.BackwardFailure"/>
    public string? BackwardFailure => _module.BackwardFailure;

    /// <summary>Runs a batch of sequences, or one sequence.</summary>
    /// <param name="input">x, <c>[T, N, I]</c> (<c>[N, T, I]</c> with batchFirst), or one sequence <c>[T, I]</c>.</param>
    /// <param name="h0">h before the first step, <c>[layers·directions, N, H]</c>, without N for one sequence; null for zeros.</param>
    /// <returns>h of the last layer in every step, and h of every layer and direction after the last.</returns>
    /// <exception cref="ArgumentException">A tensor has another shape, element type or device. Nothing has changed.</exception>
    public override (Tensor, Tensor) forward(Tensor input, Tensor? h0 = null)
    {
        Tensor[] outputs = _module.Run(input, h0, null);
        return (outputs[0], outputs[1]);
    }

    /// <summary>As <see cref="forward(Tensor, Tensor?)"/>, with the module's hooks.</summary>
    /// <param name="input">x.</param>
    /// <param name="h0">h before the first step.</param>
    /// <returns>y and h_n.</returns>
    public new (Tensor, Tensor) call(Tensor input, Tensor? h0 = null) => base.call(input, h0);

    /// <summary>Runs sequences of different lengths: padding is neither computed nor seen. States are those after each row's own last step.</summary>
    /// <param name="input">As <c>nn.utils.rnn.pack_padded_sequence</c> packs it.</param>
    /// <param name="h0">h before the first step, rows in the order from before the packing.</param>
    /// <returns>y, packed in the same way, and the state.</returns>
    /// <exception cref="ArgumentException">A tensor has another shape, element type or device. Nothing has changed.</exception>
    public (nn.utils.rnn.PackedSequence, Tensor) call(nn.utils.rnn.PackedSequence input, Tensor? h0)
    {
        (nn.utils.rnn.PackedSequence output, Tensor[] states) = _module.Run(input, h0, null);
        return (output, states[0]);
    }

    /// <summary>Likewise, from a zero state.</summary>
    /// <param name="input">As <c>nn.utils.rnn.pack_padded_sequence</c> packs it.</param>
    /// <returns>y, packed in the same way, and the state.</returns>
    public (nn.utils.rnn.PackedSequence, Tensor) call(nn.utils.rnn.PackedSequence input) => call(input, null);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _module.Dispose();
        base.Dispose(disposing);
    }
}
