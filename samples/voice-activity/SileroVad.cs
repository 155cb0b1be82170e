using FastRecurrence;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace VoiceActivity;

/// <summary>
/// Silero VAD at 16 kHz: a short-time spectrum, four convolutions, one LSTM step, a sigmoid. The LSTM runs through
/// FastRecurrence, and so does the output; the few other operators are plain C#.
/// </summary>
internal sealed class SileroVad : IDisposable
{
    /// <summary>New samples for each probability.</summary>
    public const int ChunkSamples = 512;

    private const int Context = 64, Window = 256, Hop = 128, Bins = 129, Hidden = 128;

    private readonly Convolution _spectrum;
    private readonly Convolution[] _encoder;
    private readonly OutputLayer _output;
    private readonly RecurrentStack _stack;
    private readonly RecurrentStream _stream;
    private readonly float[] _input = new float[Context + ChunkSamples + Context];
    private readonly float[] _hidden = new float[Hidden];

    /// <summary>Reads the opset-15 model.</summary>
    public SileroVad(string path, Backend backend)
    {
        OnnxModel model = OnnxModel.Load(path);
        TensorSource stored = model.Initializers;
        _spectrum = new Convolution(stored.ReadFloats("model.stft.forward_basis_buffer"), [], inputs: 1, Window, Hop, pad: 0);
        (int Inputs, int Stride)[] layers = [(Bins, 1), (128, 2), (64, 2), (64, 1)];
        _encoder = [.. layers.Select((layer, i) => new Convolution(stored.ReadFloats($"model.encoder.{i}.reparam_conv.weight"),
            stored.ReadFloats($"model.encoder.{i}.reparam_conv.bias"), layer.Inputs, kernel: 3, layer.Stride, pad: 1))];
        _output = new OutputLayer(backend, Hidden, outputSize: 1, stored.ReadFloats("model.decoder.decoder.2.weight"),
            stored.ReadFloats("model.decoder.decoder.2.bias"), Activation.Sigmoid);

        // The file holds the LSTM twice, one for each branch of an If on the state's shape; both have the same weights.
        _stack = new RecurrentStack(backend, model.RequireLayers()[0].ToStackLayer());
        _stream = new RecurrentStream(_stack);
    }

    /// <summary>The probability that the next 512 samples are speech; state and context are kept from call to call.</summary>
    public float Next(ReadOnlySpan<float> chunk)
    {
        // 64 samples of context, 512 new ones, 64 mirrored at the end (the last sample itself not repeated).
        chunk.CopyTo(_input.AsSpan(Context));
        int end = Context + ChunkSamples;
        for (int i = 0; i < Context; i++)
            _input[end + i] = _input[end - 2 - i];

        int frames = _spectrum.Frames(_input.Length);
        float[] parts = _spectrum.Run(_input, _input.Length), x = new float[Bins * frames];
        for (int i = 0; i < x.Length; i++)
            x[i] = MathF.Sqrt(parts[i] * parts[i] + parts[x.Length + i] * parts[x.Length + i]);
        foreach (Convolution convolution in _encoder)
        {
            x = convolution.Run(x, frames);
            frames = convolution.Frames(frames);
            for (int i = 0; i < x.Length; i++)
                x[i] = Math.Max(x[i], 0);
        }

        _stream.Step(x, _hidden);
        for (int i = 0; i < Hidden; i++)
            _hidden[i] = Math.Max(_hidden[i], 0);
        Span<float> probability = stackalloc float[1];
        _output.Run(_hidden, probability);
        chunk[^Context..].CopyTo(_input);
        return probability[0];
    }

    public void Dispose()
    {
        _stream.Dispose();
        _stack.Dispose();
        _output.Dispose();
    }
}
