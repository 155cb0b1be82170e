#if TORCH
using TorchSharp;
using static TorchSharp.torch;
#endif

namespace FastRecurrence.Bench.Peers;

/// <summary>
/// PyTorch's nn.LSTM and nn.RNN through TorchSharp, compiled in by <c>-p:Torch=true</c>: its native library is large and
/// needs a newer C++ runtime than Debian 12's, which <c>scripts/peers-with-torch</c> gets around. Where it is absent or does not load, its rows are estimated and marked so.
/// </summary>
internal static class TorchEngine
{
    /// <summary>How a peers run with, or without, this engine is started, for the report.</summary>
#if TORCH
    public const string Launch = "scripts/peers-with-torch ";
#else
    public const string Launch = "dotnet run -c Release --project bench/FastRecurrence.Bench -- peers ";
#endif

    /// <summary>Why there is no such engine here; null when there is.</summary>
    public static string? Absence { get; } = FindAbsence();

    /// <summary>The engine, or null where it is absent.</summary>
    public static IEngine? TryCreate(PeerProblem problem)
    {
#if TORCH
        return Absence is null ? new Layer(problem) : null;
#else
        _ = problem;
        return null;
#endif
    }

    private static string? FindAbsence()
    {
#if TORCH
        try
        {
            using Tensor one = ones(1);
            return null;
        }
        catch (Exception e)
        {
            return $"TorchSharp does not load: {e.GetBaseException().Message.Split('\n')[0]}";
        }
#else
        return "not compiled in; scripts/peers-with-torch measures it";
#endif
    }

#if TORCH
    private sealed class Layer : IEngine
    {
        private readonly PeerProblem _problem;
        private readonly nn.Module _module;
        private readonly Func<Tensor> _forward;
        private readonly Tensor _input;

        public Layer(PeerProblem problem)
        {
            _problem = problem;
            set_num_threads(problem.Threads);
            int H = problem.Hidden;
            _input = tensor(problem.Input, [problem.Steps, problem.Batch, H]);
            if (problem.Cell == CellKind.Lstm)
            {
                var lstm = nn.LSTM(H, H);
                Load(lstm, problem.Weights);
                _module = lstm;
                _forward = () => lstm.call(_input).Item1;
            }
            else
            {
                var rnn = nn.RNN(H, H);
                Load(rnn, problem.Weights);
                _module = rnn;
                _forward = () => rnn.call(_input).Item1;
            }

            _module.eval();
        }

        public string Name => "torch";

        public void Run()
        {
            using var scope = NewDisposeScope();
            using var mode = inference_mode();
            _forward();
        }

        public float[] FirstOutput()
        {
            using var scope = NewDisposeScope();
            using var mode = inference_mode();
            return _forward().contiguous().data<float>().ToArray();
        }

        public void Dispose()
        {
            _input.Dispose();
            _module.Dispose();
        }

        /// <summary>PyTorch's gate order is this library's; its second bias is zero.</summary>
        private static void Load(nn.Module module, LayerWeights weights)
        {
            using var mode = no_grad();
            foreach ((string name, TorchSharp.Modules.Parameter parameter) in module.named_parameters())
            {
                float[] values = name switch
                {
                    "weight_ih_l0" => weights.InputWeights.ToArray(),
                    "weight_hh_l0" => weights.RecurrentWeights.ToArray(),
                    "bias_ih_l0" => weights.Bias.ToArray(),
                    _ => new float[weights.Bias.Length],
                };
                parameter.copy_(tensor(values, parameter.shape));
            }
        }
    }
#endif
}
