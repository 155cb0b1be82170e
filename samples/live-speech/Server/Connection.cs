using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using VoiceActivity;

namespace LiveSpeech.Server;

/// <summary>
/// One caller. In: binary messages of 16-bit little-endian samples at 16 kHz, cut anywhere; the text "end" when it has no more. Out: for each 512 samples
/// <c>{"type":"frame","frame":n,"probability":p}</c>, and <c>{"type":"segment","from":s,"to":s}</c> when speech has ended, in seconds.
/// </summary>
internal sealed class Connection(WebSocket socket, SileroModel model, Encoder encoder, ServerStatistics statistics) : IDisposable
{
    /// <summary>The longest message: two seconds of sound.</summary>
    public const int MostBytes = 64 * 1024;

    private const int Chunk = SileroModel.ChunkSamples;
    private readonly float[] _samples = new float[SileroModel.Context + Chunk], _features = new float[SileroModel.Features], _hidden = new float[SileroModel.Features];
    private readonly float[] _probability = new float[1];
    private readonly Speech.Segmenter _segments = new();
    private readonly ArrayBufferWriter<byte> _text = new(128);
    private readonly Utf8JsonWriter _json = new(Stream.Null);
    private int _have, _frames;

    /// <summary>Runs until the caller ends, fails, or sends what is no sound; the reason of a close is told to it.</summary>
    public async Task RunAsync(IState state, CancellationToken cancellationToken)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(MostBytes + 1);
        try
        {
            while (true)
            {
                (int length, WebSocketMessageType type) = await ReceiveAsync(message, cancellationToken);
                if (type == WebSocketMessageType.Close)
                {
                    await CloseAsync(WebSocketCloseStatus.NormalClosure, "closed by the caller", cancellationToken);
                    return;
                }

                if (length > MostBytes)
                {
                    await RefuseAsync(WebSocketCloseStatus.MessageTooBig, $"a message has more than {MostBytes} bytes; send shorter ones", cancellationToken);
                    return;
                }

                if (type == WebSocketMessageType.Text)
                {
                    if (!message.AsSpan(0, length).SequenceEqual("end"u8))
                    {
                        await RefuseAsync(WebSocketCloseStatus.InvalidMessageType, "a text that is not 'end'; sound comes as binary messages", cancellationToken);
                        return;
                    }

                    if (_segments.End() is { } open)
                        await SendSegmentAsync(open, cancellationToken);
                    await CloseAsync(WebSocketCloseStatus.NormalClosure, "all is heard", cancellationToken);
                    return;
                }

                if (length % 2 != 0)
                {
                    await RefuseAsync(WebSocketCloseStatus.InvalidPayloadData, $"{length} bytes are no whole number of 16-bit samples", cancellationToken);
                    return;
                }

                await HearAsync(state, message.AsMemory(0, length), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    public void Dispose() => _json.Dispose();

    /// <summary>A whole message; one byte more than allowed stands for all longer ones.</summary>
    private async ValueTask<(int Length, WebSocketMessageType Type)> ReceiveAsync(byte[] message, CancellationToken cancellationToken)
    {
        int length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult part = await socket.ReceiveAsync(message.AsMemory(length, MostBytes + 1 - length), cancellationToken);
            length += part.Count;
            if (part.EndOfMessage || length > MostBytes || part.MessageType == WebSocketMessageType.Close)
                return (length, part.MessageType);
        }
    }

    private async Task HearAsync(IState state, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            int count = Math.Min(bytes.Length / 2, Chunk - _have);
            Take(bytes.Span[..(count * 2)], _samples.AsSpan(SileroModel.Context + _have));
            bytes = bytes[(count * 2)..];
            _have += count;
            if (_have < Chunk)
                return;

            long begin = Stopwatch.GetTimestamp();
            await encoder.EncodeAsync(_samples, _features);
            await state.StepAsync(_features, _hidden, cancellationToken);
            model.Decide(_hidden, _probability);
            _samples.AsSpan(Chunk).CopyTo(_samples);
            _have = 0;
            await SendFrameAsync(_frames++, _probability[0], cancellationToken);
            statistics.Heard(Stopwatch.GetElapsedTime(begin));
            if (_segments.Next(_probability[0]) is { } ended)
                await SendSegmentAsync(ended, cancellationToken);
        }
    }

    private static void Take(ReadOnlySpan<byte> bytes, Span<float> samples)
    {
        for (int i = 0; i < bytes.Length / 2; i++)
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]) / 32768f;
    }

    private ValueTask SendFrameAsync(int frame, float probability, CancellationToken cancellationToken)
    {
        Begin("frame");
        _json.WriteNumber("frame", frame);
        _json.WriteNumber("probability", probability);
        return EndAsync(cancellationToken);
    }

    private ValueTask SendSegmentAsync((int From, int To) segment, CancellationToken cancellationToken)
    {
        Begin("segment");
        _json.WriteNumber("from", segment.From * (double)Chunk / WavFile.SampleRate);
        _json.WriteNumber("to", segment.To * (double)Chunk / WavFile.SampleRate);
        return EndAsync(cancellationToken);
    }

    private void Begin(string type)
    {
        _text.ResetWrittenCount();
        _json.Reset(_text);
        _json.WriteStartObject();
        _json.WriteString("type", type);
    }

    private ValueTask EndAsync(CancellationToken cancellationToken)
    {
        _json.WriteEndObject();
        _json.Flush();
        return socket.SendAsync(_text.WrittenMemory, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
    }

    private Task RefuseAsync(WebSocketCloseStatus status, string reason, CancellationToken cancellationToken)
    {
        statistics.Refused();
        return CloseAsync(status, reason, cancellationToken);
    }

    /// <summary>Says why, then hears out what is on its way: a connection that is cut with unread bytes would take the reason with it.</summary>
    private async Task CloseAsync(WebSocketCloseStatus status, string reason, CancellationToken cancellationToken)
    {
        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            await socket.CloseOutputAsync(status, reason, cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        var unheard = new byte[4096];
        try
        {
            while (socket.State == WebSocketState.CloseSent)
                await socket.ReceiveAsync(unheard.AsMemory(), patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // It was told; more it does not need.
        }
    }

    /// <summary>The states cannot be had: the caller begins again, now or later.</summary>
    public Task FailAsync(Exception e, CancellationToken cancellationToken) =>
        CloseAsync(WebSocketCloseStatus.EndpointUnavailable, e.Message.Length > 100 ? e.Message[..100] : e.Message, cancellationToken);
}
