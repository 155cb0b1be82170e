using FastRecurrence.Peers;

namespace FastRecurrence.Bench.Peers;

/// <summary>ONNX Runtime on one problem, from a zero state.</summary>
internal sealed class OnnxRuntimeEngine(PeerProblem problem) : IEngine
{
    private readonly OnnxRuntimeModel _model = new(problem.Weights, problem.Steps, problem.Batch, problem.Threads, problem.Input,
        new float[problem.Batch * problem.Hidden], problem.Cell == CellKind.Lstm ? new float[problem.Batch * problem.Hidden] : []);

    public string Name => "onnxruntime";

    public void Run() => _model.Run();

    public float[] FirstOutput()
    {
        Run();
        return _model.Output;
    }

    public void Dispose() => _model.Dispose();
}
