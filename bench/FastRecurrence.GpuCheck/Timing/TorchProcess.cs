using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>A layer of torch, with I = H.</summary>
/// <param name="Module">LSTM, GRU or RNN of <c>torch.nn</c>.</param>
/// <param name="Kind">fp32, tf32, bf16 or fp16.</param>
/// <param name="Mode">graph or eager.</param>
/// <param name="H">Hidden and input size.</param>
/// <param name="N">Rows.</param>
/// <param name="T">Steps.</param>
/// <param name="Directions">1 or 2.</param>
internal sealed record TorchLayer(string Module, string Kind, string Mode, int H, int N, int T, int Directions = 1)
{
    /// <summary>What torch calls a cell.</summary>
    public static string ModuleOf(CellKind cell) => cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" };

    /// <inheritdoc/>
    public override string ToString() => $"{Module} {Kind} {Mode}{(Directions == 2 ? " bidirectional" : "")}";
}

/// <summary>
/// A python process that times torch's layers one request at a time, so that its rows alternate with this library's. It answers one line of JSON for
/// each line; one that is silent for too long is ended, and its rows are missing from then on. Not for several threads.
/// </summary>
internal sealed class TorchProcess : IDisposable
{
    private readonly TimeSpan _patience;
    private readonly Process? _process;
    private readonly string? _written;
    private string _lastError = "";
    private string? _description;

    /// <summary>Starts the process; its greeting is waited for when something is first asked.</summary>
    /// <param name="patience">How long one answer may take; loading torch is one.</param>
    /// <param name="script">A script that speaks the protocol; null for the one that is built in.</param>
    public TorchProcess(TimeSpan patience, string? script = null)
    {
        _patience = patience;
        try
        {
            if (script is null)
                script = _written = Extract();
            var start = new ProcessStartInfo("python3")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            };
            start.ArgumentList.Add(script);
            _process = Process.Start(start)!;
            _process.ErrorDataReceived += (_, e) => _lastError = e.Data is { Length: > 0 } line ? line : _lastError;
            _process.BeginErrorReadLine();
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            Absence = $"python3 does not run here ({e.Message})";
        }
    }

    /// <summary>Why nothing is answered (any more); null while there is no reason.</summary>
    public string? Absence { get; private set; }

    /// <summary>torch's versions and device; null where it is absent.</summary>
    public string? Greet()
    {
        if (_description is null && Absence is null && Answer() is JsonObject greeting)
        {
            if (greeting["error"] is JsonNode error)
                Absence = error.ToString();
            else
                _description = $"torch {greeting["torch"]}, CUDA {greeting["cuda"]}, cuDNN {greeting["cudnn"]}, {greeting["device"]}";
        }

        return Absence is null ? _description : null;
    }

    /// <summary>Makes a layer ready. Null when it is, else why not.</summary>
    public string? Prepare(TorchLayer layer) => Greet() is null ? Absence : Ask(new JsonObject
    {
        ["op"] = "prepare",
        ["module"] = layer.Module,
        ["kind"] = layer.Kind,
        ["mode"] = layer.Mode,
        ["hidden"] = layer.H,
        ["batch"] = layer.N,
        ["steps"] = layer.T,
        ["directions"] = layer.Directions,
    }, out string? failure) is null ? failure : null;

    /// <summary>
    /// Runs the ready layer: microseconds of whole sequences, added to the lists. Null when it did, else why not.
    /// </summary>
    public string? Time(int repeats, List<double> host, List<double> device)
    {
        if (Greet() is null)
            return Absence;
        JsonObject? times = Ask(new JsonObject { ["op"] = "time", ["repeats"] = repeats }, out string? failure);
        if (times is null)
            return failure;
        if (times["host"] is not JsonArray hosts || times["device"] is not JsonArray devices)
            return End($"answered {times.ToJsonString()} where times were wanted");
        host.AddRange(hosts.Select(v => v!.GetValue<double>()));
        device.AddRange(devices.Select(v => v!.GetValue<double>()));
        return null;
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            if (Absence is null)
            {
                TrySend("""{"op": "quit"}""");
                _process.WaitForExit(2000);
            }

            if (!_process.HasExited)
                _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }

        if (_written is not null)
            File.Delete(_written);
    }

    private static string Extract()
    {
        string path = Path.Combine(Path.GetTempPath(), $"gpu-check-{Guid.NewGuid():N}.py");
        using Stream source = Assembly.GetExecutingAssembly().GetManifestResourceStream("torch_rows.py")!;
        using FileStream target = File.Create(path);
        source.CopyTo(target);
        return path;
    }

    /// <summary>The answer; null with the reason where it is an error or there is none.</summary>
    private JsonObject? Ask(JsonObject request, out string? failure)
    {
        JsonObject? answer = TrySend(request.ToJsonString()) ? Answer() : null;
        failure = answer is null ? Absence : answer["error"]?.ToString();
        return failure is null ? answer : null;
    }

    private bool TrySend(string line)
    {
        try
        {
            _process!.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
            return true;
        }
        catch (IOException)
        {
            End("has ended");
            return false;
        }
    }

    private JsonObject? Answer()
    {
        Task<string?> read = _process!.StandardOutput.ReadLineAsync();
        if (!read.Wait(_patience))
        {
            End($"did not answer for {_patience.TotalSeconds:0} s");
            return null;
        }

        try
        {
            if (read.Result is null)
                End("has ended");
            else if (JsonNode.Parse(read.Result) is JsonObject answer)
                return answer;
            else
                End($"answered '{read.Result}', which is no object of JSON");
        }
        catch (JsonException)
        {
            End($"answered '{read.Result}', which is no JSON");
        }

        return null;
    }

    private string End(string what)
    {
        Absence ??= $"python3 {what}{(_lastError.Length > 0 ? $"; it said: {_lastError}" : "")}";
        if (!_process!.HasExited)
            _process.Kill();
        return Absence;
    }
}
