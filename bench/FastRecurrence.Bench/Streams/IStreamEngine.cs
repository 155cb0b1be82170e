using FastRecurrence.Peers;

namespace FastRecurrence.Bench.Streams;

/// <summary>Something that serves many streams on one thread. Outputs stay where each stream's next frame finds them.</summary>
internal interface IStreamEngine : IDisposable
{
    string Name { get; }

    /// <summary>Frames, each of another stream, that one call may have.</summary>
    int MostFrames { get; }

    /// <summary>The next frame of each of these streams.</summary>
    void Serve(ReadOnlySpan<int> streams);

    /// <summary>h of a stream's last step.</summary>
    ReadOnlySpan<float> Output(int stream);
}

/// <summary>All streams in one <see cref="LiveStreams"/>: frames are copied together, outputs apart, as a server does it.</summary>
internal sealed class LiveStreamsEngine : IStreamEngine
{
    private readonly LiveStreams _streams;
    private readonly StreamHandle[] _all, _batch;
    private readonly float[][] _input, _output;
    private readonly float[] _x, _y;

    public LiveStreamsEngine(RecurrentStack stack, float[][] input, int mostFrames)
    {
        _streams = stack.CreateLiveStreams(input.Length);
        _all = [.. input.Select(_ => _streams.Open())];
        _input = input;
        _output = [.. input.Select(_ => new float[stack.OutputSize])];
        _batch = new StreamHandle[mostFrames];
        (_x, _y) = (new float[mostFrames * stack.InputSize], new float[mostFrames * stack.OutputSize]);
        MostFrames = mostFrames;
    }

    public string Name => "live-streams";

    public int MostFrames { get; }

    public void Serve(ReadOnlySpan<int> streams)
    {
        int n = streams.Length, I = _streams.InputSize, H = _streams.OutputSize;
        for (int i = 0; i < n; i++)
        {
            _batch[i] = _all[streams[i]];
            _input[streams[i]].CopyTo(_x.AsSpan(i * I));
        }

        _streams.Step(_batch.AsSpan(0, n), _x.AsSpan(0, n * I), _y.AsSpan(0, n * H));
        for (int i = 0; i < n; i++)
            _y.AsSpan(i * H, H).CopyTo(_output[streams[i]]);
    }

    public ReadOnlySpan<float> Output(int stream) => _output[stream];

    public void Dispose() => _streams.Dispose();
}

/// <summary>A <see cref="RecurrentStream"/> for each stream.</summary>
internal sealed class OneByOneEngine(RecurrentStack stack, float[][] input) : IStreamEngine
{
    private readonly RecurrentStream[] _streams = [.. input.Select(_ => new RecurrentStream(stack))];
    private readonly float[][] _output = [.. input.Select(_ => new float[stack.OutputSize])];

    public string Name => "one-by-one";

    public int MostFrames => 1;

    public void Serve(ReadOnlySpan<int> streams)
    {
        foreach (int stream in streams)
            _streams[stream].Step(input[stream], _output[stream]);
    }

    public ReadOnlySpan<float> Output(int stream) => _output[stream];

    public void Dispose() => Array.ForEach(_streams, stream => stream.Dispose());
}

/// <summary>ONNX Runtime, a call for each frame.</summary>
internal sealed class OnnxRuntimeStreamsEngine(LayerWeights weights, float[][] input) : IStreamEngine
{
    private readonly OnnxRuntimeStreams _streams = new(weights, input);
    private readonly float[][] _last = new float[input.Length][];

    public string Name => "onnxruntime";

    public int MostFrames => 1;

    public void Serve(ReadOnlySpan<int> streams)
    {
        foreach (int stream in streams)
            _last[stream] = _streams.Step(stream);
    }

    public ReadOnlySpan<float> Output(int stream) => _last[stream];

    public void Dispose() => _streams.Dispose();
}
