namespace FastRecurrence.Bench.Peers;

/// <summary>A way to run one problem again and again on memory that is bound beforehand.</summary>
internal interface IEngine : IDisposable
{
    /// <summary>As the result file has it.</summary>
    string Name { get; }

    /// <summary>One call: T steps from the state that the last call left.</summary>
    void Run();

    /// <summary>The output of a call from a zero state, <c>[T, N, H]</c>.</summary>
    float[] FirstOutput();
}

/// <summary>This library, at one width.</summary>
internal sealed class OwnEngine : IEngine
{
    private readonly PeerProblem _problem;
    private readonly RecurrentLayer _layer;
    private readonly LayerState _state;
    private readonly float[] _output;

    public OwnEngine(string name, Backend backend, PeerProblem problem, WorkerTeam? team, WeightFormat format = WeightFormat.Float32)
    {
        (Name, _problem) = (name, problem);
        _layer = backend.Prepare(problem.Weights, format);
        _state = _layer.CreateState(problem.Batch, team);
        _output = new float[problem.Steps * problem.Batch * problem.Hidden];
    }

    public string Name { get; }

    public void Run() => _layer.Run(_state, _problem.Steps, _problem.Input, _output);

    public float[] FirstOutput()
    {
        _state.Reset();
        Run();
        return _output;
    }

    public void Dispose()
    {
        _state.Dispose();
        _layer.Dispose();
    }
}
