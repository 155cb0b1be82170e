using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using global::LiveSpeech.Load;
using global::LiveSpeech.Server;
using VoiceActivity;

namespace FastRecurrence.Orleans.Tests.LiveSpeech;

/// <summary>The sample's server as its callers meet it, well-meaning and other ones.</summary>
public sealed class ServerTests(SpeechFixture speech) : IClassFixture<SpeechFixture>
{
    [Fact]
    public async Task Many_connections_get_the_golden_probabilities_and_leave_nothing_behind()
    {
        var options = new LoadOptions(SpeechFixture.Recording, SpeechFixture.Golden, speech.Server.Url, Connections: 60, Seconds: 2, Fast: true, MessageMilliseconds: 32);
        LoadResult result = await LoadGenerator.RunAsync(options, TestContext.Current.CancellationToken);
        Assert.True(result.IsRight, result.ToString());
        Assert.True(result.Probabilities > 1000, result.ToString());
        await speech.Empty();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1000)]
    [InlineData(60000)]
    public async Task Sound_may_be_cut_anywhere_and_segments_are_those_of_the_whole_recording(int messageBytes)
    {
        byte[] sound = SpeechFixture.Sound(messageBytes == 2 ? 0.5 : 8);
        double[] golden = Speech.ReadGolden(SpeechFixture.Golden)[..(sound.Length / 2 / SileroModel.ChunkSamples)];
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(speech.Address, TestContext.Current.CancellationToken);
        Task<List<string>> hearing = Hear(socket);
        for (int at = 0; at < sound.Length; at += messageBytes)
            await socket.SendAsync(sound.AsMemory(at, Math.Min(messageBytes, sound.Length - at)), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        await socket.SendAsync("end"u8.ToArray(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        JsonElement[] heard = [.. (await hearing).Select(text => JsonDocument.Parse(text).RootElement)];

        float[] probabilities = [.. heard.Where(m => m.GetProperty("type").GetString() == "frame").Select(m => m.GetProperty("probability").GetSingle())];
        Assert.Equal(golden.Length, probabilities.Length);
        Assert.True(Speech.Compare(probabilities, golden).Error <= Speech.Tolerance);
        double[][] segments = [.. heard.Where(m => m.GetProperty("type").GetString() == "segment").Select(m => new[] { m.GetProperty("from").GetDouble(), m.GetProperty("to").GetDouble() })];
        double[][] expected = [.. Speech.Segments([.. golden.Select(p => (float)p)]).Select(s => new[] { s.From * 0.032, s.To * 0.032 })];
        Assert.Equal(expected.Length, segments.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i][1], segments[i][1], 6);
        Assert.Equal((WebSocketCloseStatus.NormalClosure, "all is heard"), (socket.CloseStatus, socket.CloseStatusDescription));
    }

    [Fact]
    public async Task What_is_no_sound_gets_a_close_with_a_reason()
    {
        (WebSocketMessageType Type, byte[] Bytes, WebSocketCloseStatus Status, string Words)[] wrong =
        [
            (WebSocketMessageType.Binary, new byte[3], WebSocketCloseStatus.InvalidPayloadData, "3 bytes"),
            (WebSocketMessageType.Binary, new byte[Connection.MostBytes + 2], WebSocketCloseStatus.MessageTooBig, "more than"),
            (WebSocketMessageType.Text, "{\"rate\":8000}"u8.ToArray(), WebSocketCloseStatus.InvalidMessageType, "'end'"),
        ];
        foreach ((WebSocketMessageType type, byte[] bytes, WebSocketCloseStatus status, string words) in wrong)
        {
            using var socket = new ClientWebSocket();
            await socket.ConnectAsync(speech.Address, TestContext.Current.CancellationToken);
            await socket.SendAsync(SpeechFixture.Sound(0.1), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
            await socket.SendAsync(bytes, type, true, TestContext.Current.CancellationToken);
            Assert.Equal(3, (await Hear(socket)).Count);
            Assert.Equal(status, socket.CloseStatus);
            Assert.Contains(words, socket.CloseStatusDescription, StringComparison.Ordinal);
        }

        using var http = new HttpClient { BaseAddress = new Uri(speech.Server.Url) };
        HttpResponseMessage plain = await http.GetAsync("/speech", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);
        using var rate = new ClientWebSocket();
        await Assert.ThrowsAsync<WebSocketException>(() => rate.ConnectAsync(new Uri(speech.Address + "?rate=8000"), TestContext.Current.CancellationToken));
        await speech.Empty();
    }

    [Fact]
    public async Task Connections_that_die_leave_nothing_behind_whether_or_not_they_say_so()
    {
        await using var server = new SpeechServer(SpeechFixture.Model, "http://127.0.0.1:0", keepAlive: TimeSpan.FromSeconds(1));
        await server.StartAsync();
        var address = new Uri(server.Url.Replace("http://", "ws://", StringComparison.Ordinal) + "/speech");
        await Task.WhenAll(Enumerable.Range(0, 30).Select(async k =>
        {
            using var socket = new ClientWebSocket();
            await socket.ConnectAsync(address, TestContext.Current.CancellationToken);
            await socket.SendAsync(SpeechFixture.Sound(0.3), WebSocketMessageType.Binary, endOfMessage: k % 3 != 0, TestContext.Current.CancellationToken);
            if (k % 2 == 0)
                await Task.Delay(5 * k, TestContext.Current.CancellationToken);
            socket.Abort();
        }));

        // A cable that is pulled: no word comes any more, also no answer to a ping.
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, address.Port, TestContext.Current.CancellationToken);
        await silent.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            "GET /speech HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"),
            TestContext.Current.CancellationToken);
        for (int i = 0; i < 200 && server.Statistics.Take().Opened < 31; i++)
            await Task.Delay(25, TestContext.Current.CancellationToken);
        await SpeechFixture.Empty(server);
        Assert.Equal(31, server.Statistics.Take().Opened);
        Assert.True(server.Statistics.Take().Failed > 0);
    }

    private static async Task<List<string>> Hear(ClientWebSocket socket)
    {
        var texts = new List<string>();
        var buffer = new byte[1024];
        while (true)
        {
            WebSocketReceiveResult part = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
                return texts;
            texts.Add(Encoding.UTF8.GetString(buffer, 0, part.Count));
        }
    }
}
