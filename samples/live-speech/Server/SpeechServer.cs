using System.Net.WebSockets;
using System.Text.Json;
using FastRecurrence;
using FastRecurrence.Orleans;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.FileProviders;
using VoiceActivity;

namespace LiveSpeech.Server;

/// <summary>The web application: pages, <c>/speech</c> (WebSocket) and <c>/metrics.json</c>.</summary>
internal sealed class SpeechServer : IAsyncDisposable
{
    private static readonly JsonSerializerOptions s_camelCase = new(JsonSerializerDefaults.Web);
    private readonly SileroModel _model;
    private readonly Encoder _encoder;
    private readonly IAsyncDisposable? _local;
    private readonly WebApplication _application;

    /// <param name="model">Silero VAD, opset 15.</param>
    /// <param name="url">Where to listen; port 0 for any.</param>
    /// <param name="states">Silos; null for this process.</param>
    /// <param name="keepAlive">How long a peer may be silent on the network; asked after so long, it has as long again to answer.</param>
    public SpeechServer(string model, string url, Func<IStates>? states = null, TimeSpan? keepAlive = null)
    {
        _model = new SileroModel(model, Backend.Simd);
        _encoder = new Encoder(_model);
        IStates streams = states?.Invoke() ?? new LocalStates(_model.Stack);
        _local = streams as IAsyncDisposable;
        Statistics = new ServerStatistics(streams, _encoder);

        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(url);
        _application = builder.Build();
        TimeSpan silence = keepAlive ?? TimeSpan.FromSeconds(10);
        // A peer that is gone without a word is noticed, also where it never sends.
        _application.UseWebSockets(new WebSocketOptions { KeepAliveInterval = silence, KeepAliveTimeout = silence });
        var files = new PhysicalFileProvider(Path.Combine(AppContext.BaseDirectory, "wwwroot"));
        _application.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        _application.UseStaticFiles(new StaticFileOptions { FileProvider = files });
        _application.MapGet("/metrics.json", () => Results.Json(Statistics.Take(), s_camelCase));
        _application.Map("/speech", (HttpContext context) => SpeechAsync(context, streams));
    }

    public ServerStatistics Statistics { get; }

    /// <summary>Where it listens, after the start.</summary>
    public string Url => _application.Urls.First();

    public Task StartAsync() => _application.StartAsync();

    public Task WaitAsync() => _application.WaitForShutdownAsync();

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        await _encoder.DisposeAsync();
        if (_local is not null)
            await _local.DisposeAsync();
        _model.Dispose();
    }

    private async Task SpeechAsync(HttpContext context, IStates streams)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("This address takes WebSocket connections: binary messages of 16-bit PCM at 16 kHz, one channel.\n");
            return;
        }

        if (context.Request.Query.TryGetValue("rate", out var rate) && rate != "16000")
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync($"rate={rate}: the model hears 16000 samples a second. Resample first.\n");
            return;
        }

        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        CancellationToken ended = context.RequestAborted;
        Statistics.Opened();
        try
        {
            await using IState state = await streams.OpenAsync(ended);
            using var connection = new Connection(socket, _model, _encoder, Statistics);
            try
            {
                await connection.RunAsync(state, ended);
            }
            catch (Exception e) when (e is StreamLostException or TimeoutException or StreamException)
            {
                Statistics.Failed();
                await connection.FailAsync(e, ended);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ConnectionAbortedException)
        {
            Statistics.Failed();
        }
        finally
        {
            Statistics.Closed();
        }
    }
}
