#if TORCH
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>nn.LSTM, nn.GRU or nn.RNN of libtorch: forward, backward and torch.optim.SGD. For ragged batches the packed path, sorting and padding included.</summary>
internal sealed class TorchTraining : TimedSteps, ITrainingEngine
{
    private readonly nn.Module _module;
    private readonly Func<Tensor, Tensor> _dense;
    private readonly Func<nn.utils.rnn.PackedSequence, nn.utils.rnn.PackedSequence> _packed;
    private readonly optim.Optimizer _sgd;
    private readonly Tensor _x, _dy;
    private readonly Tensor? _lengths;
    private DisposeScope? _scope;
    private Tensor? _input, _output;

    public TorchTraining(TrainingProblem problem)
        : base(problem)
    {
        set_num_threads(problem.Threads);
        int H = problem.Hidden;
        switch (problem.Cell)
        {
            case CellKind.Lstm:
                TorchSharp.Modules.LSTM lstm = nn.LSTM(H, H);
                (_module, _dense, _packed) = (lstm, x => lstm.call(x).Item1, x => lstm.call(x).Item1);
                break;
            case CellKind.Gru:
                TorchSharp.Modules.GRU gru = nn.GRU(H, H);
                (_module, _dense, _packed) = (gru, x => gru.call(x).Item1, x => gru.call(x).Item1);
                break;
            default:
                TorchSharp.Modules.RNN rnn = nn.RNN(H, H);
                (_module, _dense, _packed) = (rnn, x => rnn.call(x).Item1, x => rnn.call(x).Item1);
                break;
        }

        Load(problem);
        long[] shape = [problem.Steps, problem.Batch, H];
        (_x, _dy) = (tensor(problem.Input(), shape), tensor(problem.OutputGradient(), shape));
        _lengths = problem.IsRagged ? tensor(Array.ConvertAll(problem.Lengths(), n => (long)n)) : null;
        _sgd = optim.SGD(_module.parameters(), TrainingProblem.LearningRate);
    }

    public string Name => "torch";

    public StepResults Results()
    {
        Forward();
        Backward(); // what follows lies in the scope of the step
        float[] Values(Tensor values) => values.contiguous().data<float>().ToArray();
        var results = new StepResults(Values(_output!.detach()), Values(_input!.grad!),
            [.. ((string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]).Select(name => Values(Parameter(name).grad!))]);
        Update();
        return results;
    }

    public void Dispose()
    {
        _sgd.Dispose();
        _module.Dispose();
        _x.Dispose();
        _dy.Dispose();
        _lengths?.Dispose();
    }

    protected override void Forward()
    {
        _scope = NewDisposeScope();
        _input = _x.detach().requires_grad_(true); // no copy, and no gradient of the step before
        if (_lengths is null)
        {
            _output = _dense(_input);
            return;
        }

        using nn.utils.rnn.PackedSequence packed = nn.utils.rnn.pack_padded_sequence(_input, _lengths, enforce_sorted: false);
        using nn.utils.rnn.PackedSequence run = _packed(packed);
        _output = nn.utils.rnn.pad_packed_sequence(run, total_length: Problem.Steps).Item1;
    }

    protected override void Backward() => _output!.backward([_dy]);

    protected override void Update()
    {
        if (Problem.Updates)
            _sgd.step();
        _module.zero_grad();
        GC.KeepAlive(_input);
        GC.KeepAlive(_output);
        _scope!.Dispose();
        (_scope, _input, _output) = (null, null, null);
    }

    private TorchSharp.Modules.Parameter Parameter(string name) => _module.named_parameters().Single(p => p.name == name).parameter;

    /// <summary>PyTorch's gate order is this library's; its second bias is zero but for a GRU's candidate.</summary>
    private void Load(TrainingProblem problem)
    {
        LayerWeights weights = problem.Weights();
        int rows = weights.Shape.GateCount * weights.Shape.HiddenSize, H = weights.Shape.HiddenSize;
        // A scope holds what is made in it. Without, the collector may end a wrapper, and with it the memory, while libtorch still works on its handle.
        using DisposeScope scope = NewDisposeScope();
        using var mode = no_grad();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in _module.named_parameters())
        {
            float[] values = name switch
            {
                "weight_ih_l0" => weights.InputWeights.ToArray(),
                "weight_hh_l0" => weights.RecurrentWeights.ToArray(),
                "bias_ih_l0" => weights.Bias[..rows].ToArray(),
                _ => [.. new float[rows - H], .. problem.Cell == CellKind.Gru ? weights.Bias[^H..] : new float[H]],
            };
            parameter.copy_(tensor(values, parameter.shape));
        }
    }
}
#endif
