namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>Command lines that are wrong, and what they say.</summary>
public sealed class UsageTests
{
    [Fact]
    public void No_arguments_give_a_short_help_and_2()
    {
        ToolRun run = ToolRun.Of();
        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Output);
        foreach (string command in (string[])["info", "exercises", "verify", "sweep", "compare", "report", "crossover"])
            Assert.Contains($"\n  {command} ", run.Error);
        Assert.DoesNotContain("launch ", run.Error);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("exercises --help")]
    [InlineData("crossover -h")]
    public void Help_is_asked_for_and_gives_0(string line)
    {
        ToolRun run = ToolRun.Of(line.Split(' '));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Usage:", run.Output);
        Assert.Empty(run.Error);
    }

    /// <summary>Of every command: no name of a .NET type, examples, exit codes, variables; and each word of the text is there once for each default.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("info")]
    [InlineData("exercises")]
    [InlineData("verify")]
    [InlineData("inspect")]
    [InlineData("sweep")]
    [InlineData("crossover")]
    [InlineData("compare")]
    [InlineData("report")]
    public void Help_speaks_of_the_tool_and_not_of_dotnet(string command)
    {
        ToolRun run = ToolRun.Of([.. command.Length == 0 ? Array.Empty<string>() : [command], "--help"]);
        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain("System.", run.Output);
        Assert.DoesNotContain(" { ", run.Output);
        Assert.DoesNotContain("00:00", run.Output);
        Assert.DoesNotContain("[default:", run.Output);
        Assert.Contains("Exit codes:", run.Output);
        Assert.Contains("FASTRECURRENCE_SIMD", run.Output);
        if (command.Length > 0)
        {
            Assert.Contains($"\n  fastrecurrence {command}", run.Output);
            Assert.Equal(run.Output, ToolRun.Of("help", command).Output);
        }
    }

    /// <summary>The examples of the help are lines that the parser takes.</summary>
    [Fact]
    public void Examples_of_the_help_are_understood()
    {
        foreach (string command in (string[])["verify", "inspect", "sweep", "crossover", "compare", "report"])
        {
            foreach (string line in ToolRun.Of("help", command).Output.Split('\n').Where(l => l.StartsWith("  fastrecurrence ", StringComparison.Ordinal)))
                Assert.Equal(0, ToolRun.Of([.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..], "--help"]).ExitCode);
        }
    }

    [Fact]
    public void Words_can_be_completed() => Assert.Contains("sweep", ToolRun.Of("[suggest:2]", "sw").Output);

    [Theory]
    [InlineData("verfy", "'verfy' was not matched. Did you mean 'verify'?")]
    [InlineData("crossover --bacth 3", "'--bacth' was not matched. Did you mean '--batch'?")]
    [InlineData("exercises --bakend simd", "'--bakend' was not matched. Did you mean '--backend'?")]
    [InlineData("exercises 6 7", "'7' was not matched.")]
    [InlineData("crossover -b", "Required argument missing")]
    [InlineData("exercises --backend", "Required argument missing")]
    [InlineData("exercises -B ,", "no name given")]
    [InlineData("exercises -B smd", "unknown backend 'smd'. Did you mean 'simd'?")]
    [InlineData("exercises 9", "1 to 7")]
    [InlineData("exercises six", "'six' is not a number")]
    [InlineData("exercises -o xml", "'xml' is not a format. Use table or json.")]
    [InlineData("verify -c gr", "'gr' is not a cell. Did you mean 'gru'?")]
    [InlineData("swep", "'swep' was not matched. Did you mean 'sweep'?")]
    [InlineData("sweep -b 1..8-2", "--batch: '1..8-2' is not a range. Use 1,2,8 or 1..256 or 64..512+64 or 1..1000x10.")]
    [InlineData("sweep -p lstm_t1_n1_h1", "'lstm_t1_n1_h1' is not a problem. Use an id such as lstm_t50_n16_i256_h256")]
    [InlineData("sweep -p lstm_t0_n1_i1_h1", "'lstm_t0_n1_i1_h1' is not a problem")]
    [InlineData("sweep -p lstn_t1_n1_i1_h1", "'lstn' is not a cell. Did you mean 'lstm'?")]
    [InlineData("sweep -p lstm_t1_n1_i1_h1 -b 2", "--batch does not go with --problem or --preset")]
    [InlineData("sweep --preset deepbench", "'deepbench' is not a preset. Use deepbench-train")]
    [InlineData("sweep --direction sideways", "'sideways' is not a direction. Use forward, reverse, bidirectional.")]
    [InlineData("sweep --weights fp8", "'fp8' is not a type of weights. Use fp32, bf16, int8.")]
    [InlineData("sweep --width 64", "'64' is not a width. Use scalar, 128, 256, 512, vector.")]
    [InlineData("sweep --launches 0", "'0' is not a whole number from 1 to 100")]
    [InlineData("sweep --threads 999", "--threads: '999' holds 999, the largest value is 256.")]
    [InlineData("crossover --threads 1,999", "--threads: '1,999' holds 999, the largest value is 256.")]
    [InlineData("sweep -b -1", "--batch: '-1' is not a number.")]
    [InlineData("sweep --max-noise -1", "--max-noise: '-1'")]
    [InlineData("sweep --min-time -5ms", "--min-time: '-5ms' is not a duration.")]
    [InlineData("sweep --threads none", "'none' is not a number")]
    [InlineData("sweep -o xml", "'xml' is not a format. Use table, md, csv, jsonl or json.")]
    [InlineData("sweep -B ilgpu-cpu", "never timed")]
    [InlineData("sweep --against x.dll", "--against and --save-base go together")]
    [InlineData("sweep -H 99999", "W")]
    [InlineData("compare a.json", "Required argument 'new.json' missing")]
    [InlineData("compare a.json b.json --threshold 0", "--threshold: '0'")]
    [InlineData("report", "Required argument 'run.json' missing")]
    [InlineData("verify --seed x", "'x' is not a whole number from 0 on")]
    [InlineData("crossover -b 1..8-2", "'1..8-2' is not a range. Use 1,2,8 or 1..256 or 64..512+64 or 1..1000x10.")]
    [InlineData("crossover -b 0", "smallest value is 1")]
    [InlineData("crossover -I same,3", "'same' is not a number")]
    [InlineData("crossover --min-time 5", "'5' is not a duration")]
    [InlineData("crossover --max-noise 0", "--max-noise: '0'")]
    [InlineData("crossover --transfers some", "'some'")]
    [InlineData("crossover -B ilgpu-cpu", "never timed")]
    public void A_wrong_line_is_told_in_one_line_and_gives_2(string line, string message) =>
        ToolRun.Of(line.Split(' ')).AssertFailsInOneLine(2, message);

    /// <summary>What is the library's inside stays there.</summary>
    [Theory]
    [InlineData("crossover -H 1000000", 2, "(Parameter")]
    [InlineData("sweep -b 1 -H 8 --save /nope/x.json", 1, ".tmp")]
    [InlineData("compare /proc/self/status /proc/self/status", 1, "BytePositionInLine")]
    public void Errors_do_not_tell_of_the_inside(string line, int code, string inside)
    {
        ToolRun run = ToolRun.Of(line.Split(' '));
        run.AssertFailsInOneLine(code);
        Assert.DoesNotContain(inside, run.Error);
    }

    [Fact]
    public void A_stack_trace_appears_only_when_asked_for()
    {
        ToolRun quiet = ToolRun.Of("exercises", "-B", "smd"), verbose = ToolRun.Of("exercises", "-B", "smd", "--verbose");
        Assert.DoesNotContain("   at ", quiet.Error);
        Assert.Contains("   at ", verbose.Error);
        Assert.StartsWith(quiet.Error, verbose.Error);
    }
}
