using System.Buffers.Binary;
using global::LiveSpeech.Server;
using VoiceActivity;

namespace FastRecurrence.Orleans.Tests.LiveSpeech;

/// <summary>The sample's server in this process; without the model's data its tests skip.</summary>
public sealed class SpeechFixture : IAsyncLifetime
{
    private SpeechServer? _server;
    private string? _folder;

    internal static string Model => ConformanceData.Folder("models", "silero-vad", "silero_vad_16k_op15.onnx");

    internal static string Recording => ConformanceData.Folder("models", "silero-vad", "test.wav");

    internal static string Golden => ConformanceData.Folder("models", "golden", "silero_vad_16k_op15.test_wav.ort.csv");

    internal SpeechServer Server => _server ?? throw new InvalidOperationException("no server");

    /// <summary>The address of the WebSocket.</summary>
    internal Uri Address => new(Server.Url.Replace("http://", "ws://", StringComparison.Ordinal) + "/speech");

    /// <summary>The bytes of the recording's samples.</summary>
    internal static byte[] Sound(double seconds)
    {
        float[] samples = WavFile.Read(Recording);
        var bytes = new byte[2 * (int)(seconds * WavFile.SampleRate)];
        for (int i = 0; i < bytes.Length / 2; i++)
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(2 * i), (short)(samples[i] * 32768));
        return bytes;
    }

    /// <summary>The recording's beginning as a file.</summary>
    internal string WriteWav(double seconds)
    {
        byte[] sound = Sound(seconds), file = new byte[44 + sound.Length];
        "RIFF"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), 36 + sound.Length);
        "WAVEfmt "u8.CopyTo(file.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(16), 16);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(20), 1);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(22), 1);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(24), WavFile.SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(28), 2 * WavFile.SampleRate);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(32), 2);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(34), 16);
        "data"u8.CopyTo(file.AsSpan(36));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(40), sound.Length);
        sound.CopyTo(file, 44);
        string path = Path.Combine(_folder!, $"first-{seconds}-seconds.wav");
        File.WriteAllBytes(path, file);
        return path;
    }

    public async ValueTask InitializeAsync()
    {
        try
        {
            _ = Model;
        }
        catch (TestSkippedException)
        {
            return; // each test says so itself
        }

        _folder = Directory.CreateTempSubdirectory("live-speech-tests").FullName;
        _server = new SpeechServer(Model, "http://127.0.0.1:0");
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Waits until no connection and no state is left.</summary>
    internal Task Empty() => Empty(Server);

    internal static async Task Empty(SpeechServer server)
    {
        for (int i = 0; i < 400 && server.Statistics.Take() is not { Connections: 0, Streams: 0 }; i++)
            await Task.Delay(25);
        Assert.Equal((0, 0), (server.Statistics.Take().Connections, server.Statistics.Take().Streams));
    }
}
