using FastRecurrence.Gpu;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Stacks;

/// <summary>A problem of any depth and direction as a user of the library runs it: a <see cref="RecurrentStack"/> and one state.</summary>
internal sealed class StackRunner : IRunner
{
    private readonly StackData _data;
    private readonly RecurrentStack _stack;
    private readonly StackState _state;
    private readonly float[] _output;

    /// <exception cref="NotSupportedException">The backend does not run such a layer, or not with a team.</exception>
    public StackRunner(Backend backend, StackData data, WorkerTeam? team, WeightFormat format = WeightFormat.Float32)
    {
        _data = data;
        _output = new float[data.OutputCount];
        _stack = new RecurrentStack(backend, format, [.. data.Layers.Select(Layer)]);
        try
        {
            _state = _stack.CreateState(data.Size.BatchSize, team);
        }
        catch
        {
            _stack.Dispose();
            throw;
        }

        if (backend is GpuBackend)
            Kernels = repeats => ((GpuStackDriver)_state.Driver!).MeasureKernels(data.Size.SequenceLength, repeats);
    }

    public Func<int, double>? Kernels { get; }

    public ReadOnlySpan<float> Output => _output;

    private IEnumerable<LayerState> States => Enumerable.Range(0, _stack.StateCount).Select(_state.Of);

    public void Restart()
    {
        foreach ((LayerNumbers numbers, LayerState state) in _data.Layers.SelectMany(layer => layer).Zip(States))
        {
            state.SetHidden(numbers.Hidden);
            if (state.Layer.Shape.HasCellState)
                state.SetCell(numbers.Cell);
        }
    }

    public void Run(int steps)
    {
        ProblemSize size = _data.Size;
        int rows = steps * size.BatchSize;
        _stack.Run(_state, steps, _data.Input.AsSpan(0, rows * size.InputSize), _output.AsSpan(0, rows * size.OutputSize));
    }

    public void Dispose()
    {
        _state.Dispose();
        _stack.Dispose();
    }

    private static StackLayer Layer(LayerNumbers[] directions) => directions is [LayerNumbers forward, LayerNumbers reverse]
        ? StackLayer.Bidirectional(forward.Weights, reverse.Weights)
        : StackLayer.Unidirectional(directions[0].Weights, directions[0].Direction);
}
