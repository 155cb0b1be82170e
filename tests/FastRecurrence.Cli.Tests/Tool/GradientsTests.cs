using System.Text.Json;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>gradients</c>: the norms side by side, as a table and as JSON.</summary>
[Collection("devices")]
public sealed class GradientsTests
{
    [Fact]
    public void Shows_the_cells_side_by_side_and_who_forgets_first()
    {
        ToolRun run = ToolRun.Of("gradients", "--cell", "elman,gru,lstm", "--t", "60", "-H", "12");
        Assert.Equal(0, run.ExitCode);
        string[] rows = [.. run.Output.Split('\n').Where(line => line.StartsWith('|'))];
        Assert.Matches(@"T-t \| +elman +\| +\| +gru \| +\| +lstm", rows[0]);
        Assert.Equal(["0", "1", "2", "5", "10", "20", "50", "60"], rows.Skip(2).Select(row => row.Split('|')[1].Trim()));
        string[] last = [.. rows[^1].Split('|').Select(cell => cell.Trim())];
        Assert.True(last[7].Length > last[3].Length, "an LSTM whose forget gates are open reaches farther back than an Elman cell");
    }

    [Fact]
    public void Gives_the_documented_json_with_the_same_norms_on_every_cpu_backend()
    {
        ToolRun run = ToolRun.Of("gradients", "-c", "lstm", "-t", "7", "-H", "5", "-B", "reference,simd-128,simd-512", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        JsonElement[] cells = [.. run.Json().GetProperty("cells").EnumerateArray()];
        Assert.Equal(["cell", "backend", "hidden", "input", "length", "norms"], cells[0].EnumerateObject().Select(p => p.Name));
        double[][] norms = [.. cells.Select(cell => cell.GetProperty("norms").EnumerateArray().Select(norm => norm.GetDouble()).ToArray())];
        Assert.All(norms, of => Assert.Equal(8, of.Length));
        Assert.Equal(Math.Sqrt(5), norms[0][0], 1e-12);
        Assert.Equal(norms[1], norms[2]);
        Assert.Equal(norms[0], norms[1], (a, b) => Math.Abs(a - b) <= 1e-6);
    }

    [Fact]
    public void Refuses_what_it_cannot_do()
    {
        Assert.Equal(2, ToolRun.Of("gradients", "-t", "0").ExitCode);
        Assert.Equal(2, ToolRun.Of("gradients", "-c", "no-such-cell").ExitCode);
    }
}
