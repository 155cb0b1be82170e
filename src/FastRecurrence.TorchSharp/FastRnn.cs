using FastRecurrence.TorchSharp.Graph;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FastRecurrence.TorchSharp;

/// <summary>
/// <c>nn.RNN</c> (Elman) on this library's CPU kernels, forward and backward: the same arguments, parameter names, outputs and state dict, so that one
/// changed line is enough. Gradients flow to the input, the initial state and all weights.
/// </summary>
/// <remarks>
/// Parameters as of <see cref="FastLstm"/>, with one block. What holds of element types, devices, dropout, threads and gradients of gradients there holds
/// here. Equations: <see href="https://pytorch.org/docs/stable/generated/torch.nn.RNN.html"/>.
/// </remarks>
public sealed class FastRnn : nn.Module<Tensor, Tensor?, (Tensor, Tensor)>
{
    private readonly RecurrentModule _module;

    /// <summary>Makes a layer, or several, with PyTorch's initial weights: uniform in ±1/√H.</summary>
    /// <param name="inputSize">I, features per row of the input.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="numLayers">Layers on top of each other.</param>
    /// <param name="nonLinearity">tanh or ReLU.</param>
    /// <param name="bias">Whether there are b_ih and b_hh.</param>
    /// <param name="batchFirst">Whether input and output are <c>[N, T, ·]</c> instead of <c>[T, N, ·]</c>; states never are.</param>
    /// <param name="dropout">The share of a layer's outputs that the next one does not see in training, from 0 to below 1.</param>
    /// <param name="bidirectional">Whether each layer also runs from the last step to the first.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public FastRnn(long inputSize, long hiddenSize, long numLayers = 1, nn.NonLinearities nonLinearity = nn.NonLinearities.Tanh, bool bias = true,
        bool batchFirst = false, double dropout = 0.0, bool bidirectional = false)
        : base(nameof(FastRnn))
    {
        Activation activation = nonLinearity switch
        {
            nn.NonLinearities.Tanh => Activation.Tanh,
            nn.NonLinearities.ReLU => Activation.Relu,
            _ => throw new ArgumentOutOfRangeException(nameof(nonLinearity), nonLinearity, "FastRnn computes with Tanh or ReLU, as nn.RNN does."),
        };
        var form = new ModuleForm(nameof(FastRnn), inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional);
        _module = new RecurrentModule(form, (input, hidden) => LayerShape.Elman(input, hidden, activation), this);
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

    /// <inheritdoc cref="FastGru.forward(Tensor, Tensor?)"/>
    public override (Tensor, Tensor) forward(Tensor input, Tensor? h0 = null)
    {
        Tensor[] outputs = _module.Run(input, h0, null);
        return (outputs[0], outputs[1]);
    }

    /// <inheritdoc cref="FastGru.call(Tensor, Tensor?)"/>
    public new (Tensor, Tensor) call(Tensor input, Tensor? h0 = null) => base.call(input, h0);

    /// <inheritdoc cref="FastGru.call(nn.utils.rnn.PackedSequence, Tensor?)"/>
    public (nn.utils.rnn.PackedSequence, Tensor) call(nn.utils.rnn.PackedSequence input, Tensor? h0)
    {
        (nn.utils.rnn.PackedSequence output, Tensor[] states) = _module.Run(input, h0, null);
        return (output, states[0]);
    }

    /// <inheritdoc cref="FastGru.call(nn.utils.rnn.PackedSequence)"/>
    public (nn.utils.rnn.PackedSequence, Tensor) call(nn.utils.rnn.PackedSequence input) => call(input, null);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _module.Dispose();
        base.Dispose(disposing);
    }
}
