using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FastRecurrence.Orleans.Tests.LiveSpeech;

/// <summary>Headless Chromium that a test leads by its DevTools protocol, as a person would by hand.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly List<string> _errors = [];
    private int _id;

    private Chromium(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>What the page's console complained of.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <param name="url">The page.</param>
    /// <param name="microphone">A WAV file that the microphone hears, again and again.</param>
    public static async Task<Chromium> Open(string url, string microphone)
    {
        string? program = (from name in (string[])["chromium", "chromium-browser", "google-chrome"]
                           from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                           let path = Path.Combine(folder, name)
                           where File.Exists(path)
                           select path).FirstOrDefault();
        if (program is null)
            Assert.Skip("Chromium is not installed (Debian: apt-get install chromium); the sample's page was not looked at");
        string profile = Directory.CreateTempSubdirectory("chromium").FullName;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--use-file-for-fake-audio-capture=" + microphone, "--autoplay-policy=no-user-gesture-required",
            "--remote-debugging-port=0", "--user-data-dir=" + profile, "about:blank"])
            start.ArgumentList.Add(argument);
        var browser = new Chromium(Process.Start(start)!, profile);
        browser._process.BeginErrorReadLine();
        browser._process.BeginOutputReadLine();
        try
        {
            string port = Path.Combine(profile, "DevToolsActivePort");
            for (int i = 0; i < 400 && (!File.Exists(port) || new FileInfo(port).Length == 0); i++)
                await Task.Delay(50);
            using var http = new HttpClient();
            JsonNode[] pages = JsonSerializer.Deserialize<JsonNode[]>(await http.GetStringAsync($"http://127.0.0.1:{File.ReadLines(port).First()}/json/list"))!;
            await browser._socket.ConnectAsync(new Uri((string)pages.First(p => (string?)p["type"] == "page")["webSocketDebuggerUrl"]!), CancellationToken.None);
            await browser.Call("Runtime.enable", new { });
            await browser.Call("Page.enable", new { });
            await browser.Call("DOM.enable", new { });
            await browser.Call("Page.navigate", new { url });
            await browser.Until("document.readyState === 'complete'");
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>The value of an expression in the page.</summary>
    public async Task<JsonNode?> Evaluate(string expression)
    {
        JsonNode answer = await Call("Runtime.evaluate", new { expression, returnByValue = true, awaitPromise = true, userGesture = true });
        Assert.True(answer["exceptionDetails"] is null, answer.ToJsonString());
        return answer["result"]!["value"];
    }

    /// <summary>Waits for an expression to be true.</summary>
    public async Task Until(string expression)
    {
        for (int i = 0; i < 300; i++)
        {
            if ((await Evaluate("!!(" + expression + ")"))!.GetValue<bool>())
                return;
            await Task.Delay(50);
        }

        Assert.Fail($"not within 15 s: {expression}; status '{await Evaluate("document.getElementById('status').textContent")}', console: {string.Join("; ", _errors)}");
    }

    /// <summary>Chooses a file, as by the dialog.</summary>
    public async Task ChooseFile(string selector, string path)
    {
        JsonNode document = await Call("DOM.getDocument", new { });
        JsonNode input = await Call("DOM.querySelector", new { nodeId = (int)document["root"]!["nodeId"]!, selector });
        await Call("DOM.setFileInputFiles", new { nodeId = (int)input["nodeId"]!, files = new[] { path } });
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        for (int attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
                return;
            }
            catch (IOException)
            {
                await Task.Delay(100); // its helpers may still write for a moment
            }
        }
    }

    private async Task<JsonNode> Call(string method, object parameters)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        int id = ++_id;
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters }), WebSocketMessageType.Text, true, patience.Token);
        var buffer = new byte[1 << 20];
        while (true)
        {
            int length = 0;
            WebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(new ArraySegment<byte>(buffer, length, buffer.Length - length), patience.Token);
                length += part.Count;
            }
            while (!part.EndOfMessage);

            JsonNode message = JsonNode.Parse(buffer.AsSpan(0, length))!;
            if ((int?)message["id"] == id)
                return message["result"] ?? throw new InvalidOperationException(message.ToJsonString());
            if ((string?)message["method"] == "Runtime.exceptionThrown" || (string?)message["params"]?["type"] == "error")
                _errors.Add(message["params"]!.ToJsonString());
        }
    }
}
