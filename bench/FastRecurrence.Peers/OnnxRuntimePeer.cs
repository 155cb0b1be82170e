using FastRecurrence.Bench.Peers;
using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Peers;
using FastRecurrence.Cli.Stacks;
using Microsoft.ML.OnnxRuntime;

namespace FastRecurrence.Peers;

/// <summary>ONNX Runtime on the CPU.</summary>
internal sealed class OnnxRuntimePeer : IPeer
{
    public string Name => "onnxruntime";

    public string Version => OrtEnv.Instance().GetVersionString();

    public IRunner Create(StackData data, int threads)
    {
        LayerShape shape = data.Size.Shape;
        bool isTanhElman = shape.Cell == CellKind.Elman && shape.Activation == Activation.Tanh;
        if (!data.Size.IsPlain || (shape.Cell != CellKind.Lstm && !isTanhElman) || shape.InputSize == 0)
            throw new NotSupportedException($"{Name} is set up for one LSTM or tanh Elman layer, forward, with an input; not for such as {data.Size}.");
        return new Runner(data, threads);
    }

    /// <summary>
    /// At its best: weights as initialisers, all optimisations, inputs and outputs bound once, threads left spinning as by
    /// default. The state is an input and an output, and every call starts from the problem's own.
    /// </summary>
    private sealed class Runner : IRunner
    {
        private readonly InferenceSession _session;
        private readonly OrtIoBinding _binding;
        private readonly RunOptions _options = new();
        private readonly List<OrtValue> _values = [];
        private readonly float[] _output;
        private readonly int _steps;

        public Runner(StackData data, int threads)
        {
            ProblemSize size = data.Size;
            LayerNumbers layer = data.Layers[0][0];
            using var options = new SessionOptions
            {
                IntraOpNumThreads = threads,
                InterOpNumThreads = 1,
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            };
            _session = new InferenceSession(OnnxModelWriter.Write(layer.Weights), options);
            _binding = _session.CreateIoBinding();
            long T = _steps = size.SequenceLength, N = size.BatchSize, H = size.HiddenSize;
            _output = new float[data.OutputCount];
            _binding.BindInput("X", Value(data.Input, T, N, size.InputSize));
            _binding.BindOutput("Y", Value(_output, T, 1, N, H));
            Bind("h", layer.Hidden);
            if (layer.Cell.Length > 0)
                Bind("c", layer.Cell);

            void Bind(string state, float[] first)
            {
                _binding.BindInput("initial_" + state, Value(first, 1, N, H));
                _binding.BindOutput("Y_" + state, Value(new float[N * H], 1, N, H));
            }
        }

        public Func<int, double>? Kernels => null;

        public ReadOnlySpan<float> Output => _output;

        public void Restart()
        {
        }

        public void Run(int steps)
        {
            if (steps != _steps)
                throw new NotSupportedException($"The model is bound to {_steps} steps.");
            _session.RunWithBinding(_options, _binding);
        }

        public void Dispose()
        {
            _binding.Dispose();
            _values.ForEach(v => v.Dispose());
            _options.Dispose();
            _session.Dispose();
        }

        private OrtValue Value(float[] memory, params long[] shape)
        {
            var value = OrtValue.CreateTensorValueFromMemory(memory, shape);
            _values.Add(value);
            return value;
        }
    }
}
