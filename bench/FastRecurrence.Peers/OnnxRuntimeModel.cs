using FastRecurrence.TestKit.Models;
using Microsoft.ML.OnnxRuntime;

namespace FastRecurrence.Peers;

/// <summary>
/// A layer in ONNX Runtime at its best: weights as initialisers, all optimisations, inputs and outputs bound once, its threads
/// left spinning as they do by default. The state is an input and an output, as it is for anybody who streams; every call starts from the one given here.
/// </summary>
internal sealed class OnnxRuntimeModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();
    private readonly List<OrtValue> _values = [];

    /// <param name="weights">An LSTM or tanh Elman layer.</param>
    /// <param name="steps">T.</param>
    /// <param name="batch">N.</param>
    /// <param name="threads">Of one operator.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, read by every call.</param>
    /// <param name="hidden">h before the first step, <c>[N, H]</c>.</param>
    /// <param name="cell">c, likewise; empty for a cell without.</param>
    public OnnxRuntimeModel(LayerWeights weights, int steps, int batch, int threads, float[] input, float[] hidden, float[] cell)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
        };
        _session = new InferenceSession(OnnxLayerFile.Write(weights), options);
        _binding = _session.CreateIoBinding();
        long T = steps, N = batch, I = weights.Shape.InputSize, H = weights.Shape.HiddenSize;
        Output = new float[T * N * H];
        _binding.BindInput("X", Value(input, T, N, I));
        _binding.BindOutput("Y", Value(Output, T, 1, N, H));
        Bind("h", hidden);
        if (cell.Length > 0)
            Bind("c", cell);

        void Bind(string state, float[] first)
        {
            _binding.BindInput("initial_" + state, Value(first, 1, N, H));
            _binding.BindOutput("Y_" + state, Value(new float[N * H], 1, N, H));
        }
    }

    /// <summary>h of every step, <c>[T, N, H]</c>, once it has run.</summary>
    public float[] Output { get; }

    public void Run() => _session.RunWithBinding(_options, _binding);

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
