using Microsoft.ML.OnnxRuntime;

namespace FastRecurrence.Bench.Peers;

/// <summary>
/// ONNX Runtime at its best: weights as initialisers, all optimisations, inputs and outputs bound once, its threads left
/// spinning as they do by default. The state is an input and an output, as it is for anybody who streams.
/// </summary>
internal sealed class OnnxRuntimeEngine : IEngine
{
    private readonly PeerProblem _problem;
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _runOptions = new();
    private readonly List<OrtValue> _values = [];
    private readonly float[] _output;

    public OnnxRuntimeEngine(PeerProblem problem)
    {
        _problem = problem;
        using var options = new SessionOptions
        {
            IntraOpNumThreads = problem.Threads,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
        };
        _session = new InferenceSession(OnnxModelWriter.Write(problem.Weights), options);
        _binding = _session.CreateIoBinding();
        long T = problem.Steps, N = problem.Batch, H = problem.Hidden;
        _output = new float[T * N * H];
        _binding.BindInput("X", Value(problem.Input, T, N, H));
        _binding.BindOutput("Y", Value(_output, T, 1, N, H));
        foreach (string state in problem.Cell == CellKind.Lstm ? (string[])["h", "c"] : ["h"])
        {
            _binding.BindInput("initial_" + state, Value(new float[N * H], 1, N, H));
            _binding.BindOutput("Y_" + state, Value(new float[N * H], 1, N, H));
        }
    }

    public string Name => "onnxruntime";

    public void Run() => _session.RunWithBinding(_runOptions, _binding);

    public float[] FirstOutput()
    {
        Run();
        return _output;
    }

    public void Dispose()
    {
        _binding.Dispose();
        _values.ForEach(v => v.Dispose());
        _runOptions.Dispose();
        _session.Dispose();
    }

    private OrtValue Value(float[] memory, params long[] shape)
    {
        var value = OrtValue.CreateTensorValueFromMemory(memory, shape);
        _values.Add(value);
        return value;
    }
}
