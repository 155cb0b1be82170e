using FastRecurrence.TorchSharp.Graph;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FastRecurrence.TorchSharp;

/// <summary>
/// <c>nn.LSTM</c> on this library's CPU kernels, forward and backward: the same arguments, parameter names, outputs and state dict, so that one changed
/// line is enough. Gradients flow to the input, the initial states and all weights.
/// </summary>
/// <remarks>
/// <para>
/// Parameters are <c>weight_ih_l0</c> <c>[4·H, I]</c>, <c>weight_hh_l0</c> <c>[4·H, H]</c>, <c>bias_ih_l0</c> and <c>bias_hh_l0</c> <c>[4·H]</c>, gates
/// i, f, g, o, and <c>weight_hr_l0</c> <c>[P, H]</c> with a projection; further layers are <c>l1</c> and so on, the other direction is <c>_reverse</c>.
/// Load them with <c>load_state_dict</c> from an <c>nn.LSTM</c> and back; any optimizer of <c>torch.optim</c> may change them.
/// </para>
/// <para>
/// Everything must be float32 on the CPU; other element types and devices are refused. Memory that is not contiguous is copied. Dropout between layers is
/// applied where <c>training</c> is set, with random numbers of torch's generator. Calls from several threads wait for each other. Gradients of gradients
/// are refused; see <see cref="BackwardFailure"/>.
/// </para>
/// <para>Equations: <see href="https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html"/>.</para>
/// </remarks>
public sealed class FastLstm : nn.Module<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>
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
    /// <param name="projSize">P, the size that h is projected to; 0 for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public FastLstm(long inputSize, long hiddenSize, long numLayers = 1, bool bias = true, bool batchFirst = false, double dropout = 0.0,
        bool bidirectional = false, long projSize = 0)
        : base(nameof(FastLstm))
    {
        var form = new ModuleForm(nameof(FastLstm), inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional);
        int projection = ModuleForm.Size(projSize, nameof(projSize), least: 0);
        _module = new RecurrentModule(form, (input, hidden) => LayerShape.Lstm(input, hidden) with { ProjectionSize = projection }, this);
        foreach ((string name, Parameter parameter) in _module.Create())
            register_parameter(name, parameter);
    }

    /// <summary>Threads that calls may use; null, the default, for the calling thread alone. The results have the same bits. Dispose it yourself.</summary>
    public WorkerTeam? Team
    {
        get => _module.Team;
        set => _module.Team = value;
    }

    /// <summary>
    /// Why the last backward pass that failed did so; null where none did. An exception cannot pass through libtorch: such a pass hands it gradients of a
    /// wrong shape, so that <c>backward</c> throws, and the reason is here.
    /// </summary>
    public string? BackwardFailure => _module.BackwardFailure;

    /// <summary>Runs a batch of sequences, or one sequence.</summary>
    /// <param name="input">x, <c>[T, N, I]</c> (<c>[N, T, I]</c> with batchFirst), or one sequence <c>[T, I]</c>.</param>
    /// <param name="h0_c0">
    /// h and c before the first step, <c>[layers·directions, N, H]</c> (h: <c>[·, N, P]</c> with a projection), without N for one sequence; null for zeros.
    /// </param>
    /// <returns>h of the last layer in every step, and h and c of every layer and direction after the last.</returns>
    /// <exception cref="ArgumentException">A tensor has another shape, element type or device. Nothing has changed.</exception>
    public override (Tensor, Tensor, Tensor) forward(Tensor input, (Tensor, Tensor)? h0_c0 = null)
    {
        Tensor[] outputs = _module.Run(input, h0_c0?.Item1, h0_c0?.Item2);
        return (outputs[0], outputs[1], outputs[2]);
    }

    /// <summary>As <see cref="forward(Tensor, ValueTuple{Tensor, Tensor}?)"/>, with the module's hooks.</summary>
    /// <param name="input">x.</param>
    /// <param name="h0_c0">h and c before the first step.</param>
    /// <returns>y, h_n, c_n.</returns>
    public new (Tensor, Tensor, Tensor) call(Tensor input, (Tensor, Tensor)? h0_c0 = null) => base.call(input, h0_c0);

    /// <summary>Runs sequences of different lengths: padding is neither computed nor seen. States are those after each row's own last step.</summary>
    /// <param name="input">As <c>nn.utils.rnn.pack_padded_sequence</c> packs it.</param>
    /// <param name="h0_c0">h and c before the first step, rows in the order from before the packing.</param>
    /// <returns>y, packed in the same way, and the states.</returns>
    /// <exception cref="ArgumentException">A tensor has another shape, element type or device. Nothing has changed.</exception>
    public (nn.utils.rnn.PackedSequence, Tensor, Tensor) call(nn.utils.rnn.PackedSequence input, (Tensor, Tensor)? h0_c0)
    {
        (nn.utils.rnn.PackedSequence output, Tensor[] states) = _module.Run(input, h0_c0?.Item1, h0_c0?.Item2);
        return (output, states[0], states[1]);
    }

    /// <summary>Likewise, from zero states.</summary>
    /// <param name="input">As <c>nn.utils.rnn.pack_padded_sequence</c> packs it.</param>
    /// <returns>y, packed in the same way, and the states.</returns>
    public (nn.utils.rnn.PackedSequence, Tensor, Tensor) call(nn.utils.rnn.PackedSequence input) => call(input, null);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _module.Dispose();
        base.Dispose(disposing);
    }
}
