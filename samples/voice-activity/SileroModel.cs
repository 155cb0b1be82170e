using FastRecurrence;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace VoiceActivity;

/// <summary>
/// Silero VAD at 16 kHz: a short-time spectrum, four convolutions, one LSTM step, a sigmoid. All of it runs on FastRecurrence's kernels, for many chunks
/// at once. Safe to share; what changes is in <see cref="EncoderMemory"/> and in the LSTM's states.
/// </summary>
internal sealed class SileroModel : IDisposable
{
    /// <summary>New samples for each probability.</summary>
    public const int ChunkSamples = 512;

    /// <summary>Samples before them that the model hears again.</summary>
    public const int Context = 64;

    /// <summary>Features that go into the LSTM, and that come out of it.</summary>
    public const int Features = 128;

    private const int Window = 256, Hop = 128, Bins = 129, Mirrored = 64, Samples = Context + ChunkSamples + Mirrored, SpectrumFrames = (Samples - Window) / Hop + 1;

    private readonly OutputLayer _spectrum, _output;
    private readonly Convolution[] _encoder;

    /// <summary>Reads the opset-15 model.</summary>
    public SileroModel(string path, Backend backend)
    {
        OnnxModel model = OnnxModel.Load(path);
        TensorSource stored = model.Initializers;
        _spectrum = new OutputLayer(backend, Window, 2 * Bins, stored.ReadFloats("model.stft.forward_basis_buffer"));
        (int Inputs, int Stride)[] layers = [(Bins, 1), (128, 2), (64, 2), (64, 1)];
        _encoder = [.. layers.Select((layer, i) => new Convolution(backend, stored.ReadFloats($"model.encoder.{i}.reparam_conv.weight"),
            stored.ReadFloats($"model.encoder.{i}.reparam_conv.bias"), layer.Inputs, kernel: 3, layer.Stride, Activation.Relu))];
        _output = new OutputLayer(backend, Features, outputSize: 1, stored.ReadFloats("model.decoder.decoder.2.weight"),
            stored.ReadFloats("model.decoder.decoder.2.bias"), Activation.Sigmoid);

        // The file holds the LSTM twice, one for each branch of an If on the state's shape; both have the same weights.
        Stack = new RecurrentStack(backend, model.RequireLayers()[0].ToStackLayer());
    }

    /// <summary>The LSTM.</summary>
    public RecurrentStack Stack { get; }

    /// <summary>From samples to what the LSTM reads.</summary>
    /// <param name="chunks">How many chunks, of one stream or of many.</param>
    /// <param name="samples"><c>[chunks, Context + ChunkSamples]</c>, in −1 … 1.</param>
    /// <param name="features"><c>[chunks, Features]</c>.</param>
    /// <param name="memory">The caller's, one call at a time.</param>
    public void Encode(int chunks, ReadOnlySpan<float> samples, Span<float> features, EncoderMemory memory)
    {
        const int Given = Context + ChunkSamples;
        memory.Reserve(chunks);
        Span<float> heard = stackalloc float[Samples], rows = memory.Rows, x = memory.A, y = memory.B;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            // 64 samples mirrored at the end, the last sample itself not repeated.
            samples.Slice(chunk * Given, Given).CopyTo(heard);
            for (int i = 0; i < Mirrored; i++)
                heard[Given + i] = heard[Given - 2 - i];
            for (int t = 0; t < SpectrumFrames; t++)
                heard.Slice(t * Hop, Window).CopyTo(rows[((chunk * SpectrumFrames + t) * Window)..]);
        }

        int frames = SpectrumFrames, width = Bins;
        _spectrum.Run(rows[..(chunks * frames * Window)], y[..(chunks * frames * 2 * Bins)]);
        for (int row = 0; row < chunks * frames; row++)
        {
            ReadOnlySpan<float> real = y.Slice(row * 2 * Bins, Bins), imaginary = y.Slice(row * 2 * Bins + Bins, Bins);
            Span<float> magnitudes = x.Slice(row * Bins, Bins);
            for (int i = 0; i < Bins; i++)
                magnitudes[i] = MathF.Sqrt(real[i] * real[i] + imaginary[i] * imaginary[i]);
        }

        foreach (Convolution convolution in _encoder)
        {
            // A frame of zeros on both sides.
            int padded = frames + 2;
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                Span<float> to = y.Slice(chunk * padded * width, padded * width);
                to[..width].Clear();
                x.Slice(chunk * frames * width, frames * width).CopyTo(to[width..]);
                to[^width..].Clear();
            }

            convolution.Run(chunks, padded, y, rows, x);
            (frames, width) = (convolution.Frames(padded), convolution.Outputs);
        }

        x[..(chunks * Features)].CopyTo(features);
    }

    /// <summary>From what the LSTM gave to probabilities of speech.</summary>
    /// <param name="hidden"><c>[chunks, Features]</c>; changed.</param>
    /// <param name="probabilities"><c>[chunks]</c>.</param>
    public void Decide(Span<float> hidden, Span<float> probabilities)
    {
        for (int i = 0; i < hidden.Length; i++)
            hidden[i] = Math.Max(hidden[i], 0);
        _output.Run(hidden, probabilities);
    }

    public void Dispose()
    {
        Stack.Dispose();
        _spectrum.Dispose();
        _output.Dispose();
        foreach (Convolution convolution in _encoder)
            convolution.Dispose();
    }

    /// <summary>What lies between the encoder's layers; grows to the most chunks that a call had.</summary>
    internal sealed class EncoderMemory
    {
        private const int LargestRows = SpectrumFrames * 3 * Bins, LargestFrames = (SpectrumFrames + 2) * 2 * Bins;

        public float[] Rows { get; private set; } = [];

        public float[] A { get; private set; } = [];

        public float[] B { get; private set; } = [];

        public void Reserve(int chunks)
        {
            if (Rows.Length < chunks * LargestRows)
                (Rows, A, B) = (new float[chunks * LargestRows], new float[chunks * LargestFrames], new float[chunks * LargestFrames]);
        }
    }
}
