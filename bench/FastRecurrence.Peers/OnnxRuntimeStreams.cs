using FastRecurrence.TestKit.Models;
using Microsoft.ML.OnnxRuntime;

namespace FastRecurrence.Peers;

/// <summary>
/// Streams of a layer in ONNX Runtime at its best: one session of one thread, each stream's state in memory of its own that is bound as input and output in
/// turn, so that no call copies a state or binds anything.
/// </summary>
internal sealed class OnnxRuntimeStreams : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly List<OrtValue> _values = [];
    private readonly (OrtIoBinding Even, OrtIoBinding Odd)[] _bindings;
    private readonly bool[] _isOdd;

    /// <param name="weights">An LSTM.</param>
    /// <param name="input">x of every stream, <c>[streams][I]</c>: read by every call of the stream.</param>
    public OnnxRuntimeStreams(LayerWeights weights, float[][] input)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
        };
        _session = new InferenceSession(OnnxLayerFile.Write(weights), options);
        long I = weights.Shape.InputSize, H = weights.Shape.HiddenSize;
        _bindings = new (OrtIoBinding, OrtIoBinding)[input.Length];
        _isOdd = new bool[input.Length];
        Hidden = new float[input.Length][][];
        for (int i = 0; i < input.Length; i++)
        {
            float[][] h = [new float[H], new float[H]], c = [new float[H], new float[H]];
            Hidden[i] = h;
            OrtValue x = Value(input[i], 1, 1, I);
            OrtValue[] hidden = [Value(h[0], 1, 1, H), Value(h[1], 1, 1, H)], cell = [Value(c[0], 1, 1, H), Value(c[1], 1, 1, H)];
            _bindings[i] = (Bind(x, hidden[0], cell[0], hidden[1], cell[1]), Bind(x, hidden[1], cell[1], hidden[0], cell[0]));
        }
    }

    /// <summary>Both memories of h of every stream.</summary>
    private float[][][] Hidden { get; }

    /// <summary>One step of a stream.</summary>
    /// <returns>h.</returns>
    public float[] Step(int stream)
    {
        bool odd = _isOdd[stream];
        _session.RunWithBinding(_options, odd ? _bindings[stream].Odd : _bindings[stream].Even);
        _isOdd[stream] = !odd;
        return Hidden[stream][odd ? 0 : 1];
    }

    public void Dispose()
    {
        foreach ((OrtIoBinding even, OrtIoBinding odd) in _bindings)
        {
            even.Dispose();
            odd.Dispose();
        }

        _values.ForEach(value => value.Dispose());
        _options.Dispose();
        _session.Dispose();
    }

    private OrtIoBinding Bind(OrtValue x, OrtValue hidden, OrtValue cell, OrtValue nextHidden, OrtValue nextCell)
    {
        OrtIoBinding binding = _session.CreateIoBinding();
        binding.BindInput("X", x);
        binding.BindInput("initial_h", hidden);
        binding.BindInput("initial_c", cell);
        binding.BindOutput("Y_h", nextHidden);
        binding.BindOutput("Y_c", nextCell);
        return binding;
    }

    private OrtValue Value(float[] memory, params long[] shape)
    {
        var value = OrtValue.CreateTensorValueFromMemory(memory, shape);
        _values.Add(value);
        return value;
    }
}
