using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using LiveSpeech.Server;
using VoiceActivity;

namespace LiveSpeech.Load;

/// <summary>Callers that play a recording and compare every probability with the golden one.</summary>
internal sealed class LoadGenerator
{
    private readonly LoadOptions _options;
    private readonly byte[] _sound;
    private readonly double[] _golden;
    private readonly Uri _address;
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentQueue<double> _delays = new();
    private readonly long _begin = Stopwatch.GetTimestamp();
    private long _probabilities;
    private double _difference;
    private int _opened;

    private LoadGenerator(LoadOptions options)
    {
        _options = options;
        _golden = Speech.ReadGolden(options.Golden);
        float[] samples = WavFile.Read(options.Recording);
        _sound = new byte[2 * samples.Length];
        for (int i = 0; i < samples.Length; i++)
            BitConverter.TryWriteBytes(_sound.AsSpan(2 * i), (short)(samples[i] * 32768));
        if (samples.Length / SileroModel.ChunkSamples != _golden.Length)
            throw new InvalidDataException($"{options.Golden} has {_golden.Length} probabilities, the recording {samples.Length / SileroModel.ChunkSamples} frames.");
        _address = new UriBuilder(options.Url) { Path = "/speech", Scheme = options.Url.StartsWith("https", StringComparison.Ordinal) ? "wss" : "ws" }.Uri;
    }

    public static async Task<LoadResult> RunAsync(LoadOptions options, CancellationToken cancellationToken)
    {
        var load = new LoadGenerator(options);
        using var http = new HttpClient { BaseAddress = new Uri(options.Url) };
        var server = new List<ServerStatistics.Snapshot>();
        Task callers = Task.WhenAll(Enumerable.Range(0, options.Connections).Select(k => load.CallAsync(k, cancellationToken)));
        int pause = Math.Clamp(options.Seconds * 1000 / 24, 250, 5000);
        while (await Task.WhenAny(callers, Task.Delay(pause, cancellationToken)) != callers)
            server.Add(await TakeAsync(http, cancellationToken));
        await callers;
        double seconds = load.Elapsed;

        // The last ones close a moment after their callers.
        ServerStatistics.Snapshot after = await TakeAsync(http, cancellationToken);
        for (int i = 0; i < 50 && (after.Connections > 0 || after.Streams > 0); i++)
        {
            await Task.Delay(100, cancellationToken);
            after = await TakeAsync(http, cancellationToken);
        }

        server.Add(after);
        double[] delays = [.. load._delays];
        Array.Sort(delays);
        double At(double part) => delays.Length == 0 ? 0 : delays[(int)((delays.Length - 1) * part)];
        return new LoadResult(options, seconds, load._opened, load._probabilities, load._difference, [.. load._failures], At(0.5), At(0.99), [.. server]);
    }

    private double Elapsed => Stopwatch.GetElapsedTime(_begin).TotalSeconds;

    private static async Task<ServerStatistics.Snapshot> TakeAsync(HttpClient http, CancellationToken cancellationToken) =>
        (await http.GetFromJsonAsync<ServerStatistics.Snapshot>("/metrics.json", cancellationToken))!;

    /// <summary>Connections of one caller, one after the other. Callers begin spread over a second, as people do.</summary>
    private async Task CallAsync(int k, CancellationToken cancellationToken)
    {
        if (!_options.Fast)
            await Task.Delay(TimeSpan.FromSeconds((double)k / _options.Connections), cancellationToken);
        do
        {
            Interlocked.Increment(ref _opened);
            try
            {
                await PlayAsync(cancellationToken);
            }
            catch (Exception e) when (e is WebSocketException or InvalidDataException or JsonException)
            {
                _failures.Enqueue(e.Message);
            }
        }
        while (Elapsed < _options.Seconds);
    }

    private async Task PlayAsync(CancellationToken cancellationToken)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(_address, cancellationToken);
        var sent = new long[_golden.Length];
        Task<int> hearing = HearAsync(socket, sent, cancellationToken);
        int size = _options.MessageMilliseconds * WavFile.SampleRate / 1000 * 2;
        long begin = Stopwatch.GetTimestamp();
        int at = 0;
        for (; at < _sound.Length && (at == 0 || Elapsed < _options.Seconds) && !hearing.IsCompleted; at += size)
        {
            TimeSpan ahead = TimeSpan.FromSeconds(at / 2.0 / WavFile.SampleRate) - Stopwatch.GetElapsedTime(begin);
            if (!_options.Fast && ahead > TimeSpan.Zero)
                await Task.Delay(ahead, cancellationToken);
            int length = Math.Min(size, _sound.Length - at);
            long now = Stopwatch.GetTimestamp();
            for (int frame = at / 2 / SileroModel.ChunkSamples; frame < Math.Min((at + length) / 2 / SileroModel.ChunkSamples, sent.Length); frame++)
                sent[frame] = now;
            await socket.SendAsync(_sound.AsMemory(at, length), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
        }

        await socket.SendAsync("end"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        int heard = await hearing, expected = Math.Min(at, _sound.Length) / 2 / SileroModel.ChunkSamples;
        if (heard != expected || socket.CloseStatus != WebSocketCloseStatus.NormalClosure)
            throw new InvalidDataException($"{heard} probabilities for {expected} frames, closed with {socket.CloseStatus}: {socket.CloseStatusDescription}");
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", cancellationToken);
    }

    private async Task<int> HearAsync(ClientWebSocket socket, long[] sent, CancellationToken cancellationToken)
    {
        var text = new byte[512];
        int frames = 0;
        double difference = 0;
        while (true)
        {
            ValueWebSocketReceiveResult part = await socket.ReceiveAsync(text.AsMemory(), cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
                break;
            if (!part.EndOfMessage)
                throw new InvalidDataException("a message of more than 512 bytes");
            if (!TryRead(text.AsSpan(0, part.Count), out int frame, out double probability))
                continue;
            if (frame != frames || frame >= _golden.Length)
                throw new InvalidDataException($"frame {frame} where {frames} was expected");
            difference = Math.Max(difference, Math.Abs(probability - _golden[frame]));
            frames++;
            Interlocked.Increment(ref _probabilities);
            if (!_options.Fast && frame % 16 == 7)
                _delays.Enqueue(Stopwatch.GetElapsedTime(sent[frame]).TotalMilliseconds);
        }

        lock (_failures)
            _difference = Math.Max(_difference, difference);
        return frames;
    }

    /// <summary>A frame's message; false for another one.</summary>
    private static bool TryRead(ReadOnlySpan<byte> text, out int frame, out double probability)
    {
        (frame, probability) = (-1, double.NaN);
        var json = new Utf8JsonReader(text);
        while (json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName)
                continue;
            if (json.ValueTextEquals("frame"u8) && json.Read())
                frame = json.GetInt32();
            else if (json.ValueTextEquals("probability"u8) && json.Read())
                probability = json.GetDouble();
        }

        return frame >= 0;
    }
}
