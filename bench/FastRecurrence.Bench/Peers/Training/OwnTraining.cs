namespace FastRecurrence.Bench.Peers.Training;

/// <summary>This library: a run with a tape, a backward pass with all gradients, and plain gradient descent on the packed weights.</summary>
internal sealed class OwnTraining : TimedSteps, ITrainingEngine
{
    private readonly TrainingLayer _layer;
    private readonly LayerState _state;
    private readonly TrainingTape _tape;
    private readonly LayerGradients _gradients;
    private readonly Sgd _sgd = new(TrainingProblem.LearningRate);
    private readonly float[] _x, _dy, _y, _dx;
    private readonly int[] _lengths;

    public OwnTraining(TrainingProblem problem, WorkerTeam? team)
        : base(problem)
    {
        _layer = Backend.Simd.PrepareForTraining(problem.Weights());
        _state = _layer.CreateState(problem.Batch, team);
        _tape = _layer.CreateTape(problem.Steps, problem.Batch, team);
        _gradients = _layer.CreateGradients();
        (_x, _dy, _lengths) = (problem.Input(), problem.OutputGradient(), problem.Lengths());
        (_y, _dx) = (new float[_dy.Length], new float[_x.Length]);
    }

    public string Name => "fastrecurrence";

    public StepResults Results()
    {
        Forward();
        Backward();
        ReadOnlySpan<float> b = _gradients.Bias;
        int rows = Problem.Shape.GateCount * Problem.Hidden;
        // A GRU's two biases of n have gradients of their own: the third block and the one behind it.
        float[] input = b[..rows].ToArray(), recurrent = [.. b[..(rows - Problem.Hidden)], .. b[^Problem.Hidden..]];
        var results = new StepResults([.. _y], [.. _dx], [_gradients.InputWeights.ToArray(), _gradients.RecurrentWeights.ToArray(), input, recurrent]);
        Update();
        return results;
    }

    public void Dispose()
    {
        _tape.Dispose();
        _state.Dispose();
        _layer.Dispose();
    }

    protected override void Forward()
    {
        _state.Reset();
        _layer.Run(_state, _tape, Problem.Steps, _x, _y, new SequenceOptions { Lengths = _lengths });
    }

    protected override void Backward() => _layer.Backward(_tape, _x, _y, _dy, _gradients, new BackwardOptions { Input = _dx });

    protected override void Update()
    {
        if (Problem.Updates)
            _sgd.Step(_layer, _gradients);
        _gradients.Clear();
    }
}
