using FastRecurrence;

namespace VoiceActivity;

/// <summary>One recording or microphone through Silero VAD, with a state of its own.</summary>
internal sealed class SileroVad : IDisposable
{
    /// <summary>New samples for each probability.</summary>
    public const int ChunkSamples = SileroModel.ChunkSamples;

    private readonly SileroModel _model;
    private readonly RecurrentStream _stream;
    private readonly SileroModel.EncoderMemory _memory = new();
    private readonly float[] _samples = new float[SileroModel.Context + ChunkSamples], _features = new float[SileroModel.Features], _hidden = new float[SileroModel.Features];

    /// <summary>Reads the opset-15 model.</summary>
    public SileroVad(string path, Backend backend)
    {
        _model = new SileroModel(path, backend);
        _stream = new RecurrentStream(_model.Stack);
    }

    /// <summary>The probability that the next 512 samples are speech; state and context are kept from call to call.</summary>
    public float Next(ReadOnlySpan<float> chunk)
    {
        chunk.CopyTo(_samples.AsSpan(SileroModel.Context));
        _model.Encode(1, _samples, _features, _memory);
        _stream.Step(_features, _hidden);
        Span<float> probability = stackalloc float[1];
        _model.Decide(_hidden, probability);
        chunk[^SileroModel.Context..].CopyTo(_samples);
        return probability[0];
    }

    public void Dispose()
    {
        _stream.Dispose();
        _model.Dispose();
    }
}
