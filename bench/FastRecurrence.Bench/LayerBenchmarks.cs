using BenchmarkDotNet.Attributes;

namespace FastRecurrence.Bench;

/// <summary>One layer with random weights and inputs, I = H. Backends by name, so that a row reads like the tool's tables.</summary>
[MemoryDiagnoser]
public abstract class LayerBenchmarks
{
    private RecurrentLayer? _layer;
    private LayerState? _state;
    private float[] _input = [], _output = [];

    [ParamsSource(nameof(Backends))]
    public string Backend { get; set; } = "";

    [Params(CellKind.Lstm, CellKind.Gru, CellKind.Elman)]
    public CellKind Cell { get; set; }

    [Params(64, 256)]
    public int Hidden { get; set; }

    [Params(1, 16, 64)]
    public int Batch { get; set; }

    protected abstract int SequenceLength { get; }

    /// <summary>The widest SIMD backend beside Vector&lt;float&gt;; FASTRECURRENCE_SIMD forces the first.</summary>
    public static IEnumerable<string> Backends => new[] { FastRecurrence.Backend.Simd.Name, "simd-vector" }.Distinct();

    [GlobalSetup]
    public void Setup()
    {
        LayerShape shape = Cell switch
        {
            CellKind.Lstm => LayerShape.Lstm(Hidden, Hidden),
            CellKind.Gru => LayerShape.Gru(Hidden, Hidden),
            _ => LayerShape.Elman(Hidden, Hidden),
        };
        _layer = FastRecurrence.Backend.All.Single(b => b.Name == Backend).Prepare(LayerWeights.Random(shape, 1));
        _state = _layer.CreateState(Batch);
        var random = new Random(2);
        _input = FastRecurrence.TestKit.Problems.Problem.Uniform(random, SequenceLength * Batch * Hidden);
        _output = new float[SequenceLength * Batch * Hidden];
    }

    protected float RunLayer()
    {
        _layer!.Run(_state!, SequenceLength, _input, _output);
        return _output[^1];
    }
}

/// <summary>One step, T = 1: what a stream pays.</summary>
public class StepBenchmarks : LayerBenchmarks
{
    protected override int SequenceLength => 1;

    [Benchmark]
    public float Step() => RunLayer();
}

/// <summary>A sequence of 50 steps in one call.</summary>
public class SequenceBenchmarks : LayerBenchmarks
{
    protected override int SequenceLength => 50;

    [Benchmark]
    public float Run50() => RunLayer();
}
