namespace FastRecurrence.Tests.Faults;

/// <summary>One random sequence of calls: a layer with two states, its twin, a stack, an output layer, a team, and what they hold.</summary>
internal sealed partial class ApiWorld : IDisposable
{
    private readonly Random _random;
    private readonly Backend _backend;
    private readonly LayerShape _shape;
    private readonly LayerWeights _weights;
    private readonly float[] _w, _r, _b, _outputWeights;
    private readonly WorkerTeam? _team;
    private readonly RecurrentLayer _twin;
    private readonly LayerState _twinState;
    private readonly OutputLayer _output;
    private readonly StackLayer[] _stackLayers;
    private readonly int _n;
    private RecurrentLayer _layer = null!;
    private LayerState[] _states = [];
    private RecurrentStack _stack = null!;
    private StackState _stackState = null!;
    private string _call = "start";

    public ApiWorld(int seed)
    {
        _random = new Random(seed);
        Backend[] backends = [.. Backend.All.Where(b => b.IsAvailable)];
        _backend = backends[_random.Next(backends.Length)];
        bool large = _backend == Backend.Simd && _random.Next(20) == 0; // large enough for a team to share it
        _shape = large ? LayerShape.Lstm(64, 96) : RandomShape(_random.Next(0, 7), _random.Next(1, 20));
        _n = large ? 20 : _random.Next(8) == 0 ? 0 : _random.Next(1, 6);
        _weights = LayerWeights.Random(_shape, seed);
        (_w, _r, _b) = (_weights.InputWeights.ToArray(), _weights.RecurrentWeights.ToArray(), _weights.Bias.ToArray());
        _team = _backend != Backend.Reference && _random.Next(3) == 0 ? new WorkerTeam(_random.Next(1, 4)) : null;
        _twin = _backend.Prepare(_weights);
        _twinState = _twin.CreateState(_n);
        int outputs = _random.Next(1, 40);
        _outputWeights = Values(outputs * _shape.OutputSize);
        _output = new OutputLayer(_backend, _shape.OutputSize, outputs, _outputWeights, default, Activation.Sigmoid);

        LayerShape below = RandomShape(_random.Next(1, 5), _random.Next(2, 9)), above = RandomShape(below.OutputSize * 2, _random.Next(2, 9));
        _stackLayers =
        [
            StackLayer.Bidirectional(LayerWeights.Random(below, seed + 1), LayerWeights.Random(below, seed + 2)),
            StackLayer.Unidirectional(LayerWeights.Random(above, seed + 3), _random.Next(2) == 0 ? Direction.Forward : Direction.Reverse),
            StackLayer.Unidirectional(LayerWeights.Random(RandomShape(above.OutputSize, 3), seed + 4)),
        ];
        MakeLayer();
        MakeStack();
    }

    /// <summary>Calls that were refused, taken, and pairs of calls at the same time.</summary>
    public int Refusals { get; private set; }

    public int Taken { get; private set; }

    public int Races { get; private set; }

    public override string ToString() => $"{_layer}, N = {_n}, {(_team is null ? "no team" : _team)}, in call '{_call}'";

    /// <summary>Some calls of every kind, in any order.</summary>
    public void Live()
    {
        for (int i = 0; i < 12; i++)
        {
            int kind = _random.Next(10);
            if (kind < 5)
                Refuse();
            else if (kind < 9)
                Take();
            else
                Race();
        }

        Assert.Equal(_w, _weights.InputWeights.ToArray());
        Assert.Equal(_r, _weights.RecurrentWeights.ToArray());
        Assert.Equal(_b, _weights.Bias.ToArray());
    }

    public void Dispose()
    {
        foreach (LayerState state in _states)
            state.Dispose();
        _twinState.Dispose();
        _stackState.Dispose();
        _stack.Dispose();
        _layer.Dispose();
        _twin.Dispose();
        _output.Dispose();
        _team?.Dispose();
    }

    private void MakeLayer()
    {
        _layer = _backend.Prepare(_weights);
        _states = [_layer.CreateState(_n, _team), _layer.CreateState(_n, _team)];
        foreach (LayerState state in _states)
        {
            state.SetHidden(Values(_n * _shape.OutputSize));
            if (_shape.HasCellState)
                state.SetCell(Values(_n * _shape.HiddenSize));
        }
    }

    private void MakeStack()
    {
        _stack = new RecurrentStack(_backend, _stackLayers);
        _stackState = _stack.CreateState(_n);
        for (int i = 0; i < _stack.StateCount; i++)
            _stackState.SetHidden(i, Values(_n * _stack.StateShape(i).OutputSize));
    }

    private LayerShape RandomShape(int inputs, int units)
    {
        switch (_random.Next(5))
        {
            case 0: return LayerShape.Elman(inputs, units, _random.Next(2) == 0 ? Activation.Tanh : Activation.Relu);
            case 1: return LayerShape.Gru(inputs, units, linearBeforeReset: true);
            case 2: return LayerShape.Gru(inputs, units, linearBeforeReset: false);
            case 3 when units > 1: return LayerShape.Lstm(inputs, units) with { Peepholes = _random.Next(2) == 0, ProjectionSize = _random.Next(1, units), Clip = 3 };
            default: return LayerShape.Lstm(inputs, units);
        }
    }

    private float[] Values(int count) => Problem.Uniform(_random, count);

    private static float[] Sevens(int count)
    {
        var values = new float[count];
        Array.Fill(values, 7f);
        return values;
    }

    /// <summary>h and c of everything, as bits.</summary>
    private List<byte[]> Observe()
    {
        var seen = new List<byte[]>();
        foreach (LayerState state in (LayerState[])[.. _states, _twinState])
        {
            (float[] h, float[] c) = Held(state);
            seen.Add([.. h.SelectMany(BitConverter.GetBytes), .. c.SelectMany(BitConverter.GetBytes)]);
        }

        seen.Add(_stackState.Save());
        return seen;
    }

    private static (float[] H, float[] C) Held(LayerState state)
    {
        LayerShape shape = state.Layer.Shape;
        float[] h = new float[state.BatchSize * shape.OutputSize], c = new float[shape.HasCellState ? state.BatchSize * shape.HiddenSize : 0];
        state.CopyHiddenTo(h);
        if (shape.HasCellState)
            state.CopyCellTo(c);
        return (h, c);
    }

    private void AssertBits(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            // The reference keeps its state in double: what goes through floats in between loses digits.
            bool same = _backend == Backend.Reference ? Math.Abs(expected[i] - actual[i]) <= 1e-5f
                : BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]);
            Assert.True(same, $"{_call}: {what}[{i}] is {actual[i]:R}, expected {expected[i]:R}");
        }
    }
}
