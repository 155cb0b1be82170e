using System.Text.Json;
using Program = FastRecurrence.Cli.Program;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>What one command line did.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the tool in this process.</summary>
    public static ToolRun Of(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Program.Run(args, output, error, showProgress: false, TestContext.Current.CancellationToken);
        return new ToolRun(code, output.ToString(), error.ToString());
    }

    public JsonElement Json()
    {
        using JsonDocument document = JsonDocument.Parse(Output);
        return document.RootElement.Clone();
    }

    /// <summary>Asserts a failure told in one line, without a stack trace, and with nothing on stdout.</summary>
    public void AssertFailsInOneLine(int exitCode, params string[] words)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.Single(Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("fastrecurrence: ", Error);
        Assert.DoesNotContain("   at ", Error);
        foreach (string word in words)
            Assert.Contains(word, Error);
    }
}
