using System.Text.Json;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>sweep --peers</c>, where the optional assembly was built.</summary>
[Collection("devices")]
public sealed class PeerTests
{
    private const string Variable = FastRecurrence.Cli.Peers.PeerAssembly.Variable;

    [Fact]
    public void A_peer_is_checked_and_timed_beside_this_library_and_told_what_it_does_not_run()
    {
        if (Folder() is not { } folder)
        {
            Assert.Skip("bench/FastRecurrence.Peers is not built");
            return;
        }

        string? before = Environment.GetEnvironmentVariable(Variable);
        Environment.SetEnvironmentVariable(Variable, folder);
        try
        {
            JsonElement json = ToolRun.Of("sweep", "-c", "lstm,elman,gru", "-H", "8", "-b", "2", "-t", "3", "--peers", "onnxruntime", "--min-time", "2ms", "--timeout", "20ms", "--launches", "1", "-o", "json").Json();
            JsonElement[] peers = [.. json.GetProperty("points").EnumerateArray().Where(p => p.GetProperty("peer").GetBoolean())];
            Assert.Equal(["lstm_t3_n2_i8_h8", "elman_t3_n2_i8_h8"], peers.Select(p => p.GetProperty("problem").GetString()));
            Assert.All(peers, p => Assert.True(p.GetProperty("verification").GetProperty("ok").GetBoolean() && p.GetProperty("summary").GetProperty("stepMicroseconds").GetDouble() > 0));
            Assert.Contains("not for such as gru_t3_n2_i8_h8", json.GetProperty("skipped")[0].GetProperty("reason").GetString());
            Assert.Matches("^[0-9.]+", json.GetProperty("machine").GetProperty("versions").GetProperty("onnxruntime").GetString());
            ToolRun.Of("sweep", "--peers", "torch").AssertFailsInOneLine(2, "'torch' is not a peer. Use onnxruntime.");
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, before);
        }
    }

    /// <summary>Where the solution's build puts it, of the same configuration.</summary>
    private static string? Folder()
    {
        DirectoryInfo configuration = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string folder = Path.Combine(configuration.Parent!.Parent!.FullName, "FastRecurrence.Peers", configuration.Name);
        return File.Exists(Path.Combine(folder, "FastRecurrence.Peers.dll")) ? folder : null;
    }
}
