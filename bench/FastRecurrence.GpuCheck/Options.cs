using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace FastRecurrence.GpuCheck;

/// <summary>What <c>run</c> is asked for.</summary>
/// <param name="Device">The one backend to check; null for every NVIDIA GPU's.</param>
/// <param name="Quick">A rehearsal: few sizes, few repeats.</param>
/// <param name="Minutes">When to stop.</param>
/// <param name="Parts">In the order in which they run.</param>
/// <param name="Sizes">H and N that are timed; empty for each part's own.</param>
/// <param name="Folder">Where the results go.</param>
/// <param name="Rounds">Of every size; each is a few sequences of this library and then of torch.</param>
/// <param name="Commit">What was built, where the build does not know.</param>
internal sealed record Options(
    string? Device, bool Quick, double Minutes, IReadOnlyList<Part> Parts, IReadOnlyList<(int H, int N)> Sizes, string Folder, int Rounds, string? Commit)
{
    /// <summary>Steps of every timed sequence.</summary>
    public int T => Quick ? 8 : 100;

    /// <summary>The command, whose options make the record.</summary>
    public static Command Command(Func<Options, int> run)
    {
        var device = new Option<string?>("--device") { Description = "The backend, such as cuda:0; NVIDIA's GPUs where none is given.", HelpName = "NAME" };
        var quick = new Option<bool>("--quick") { Description = "A rehearsal: few sizes, short sequences." };
        var minutes = new Option<double>("--minutes") { Description = "When to stop.", HelpName = "M", DefaultValueFactory = _ => 9 };
        minutes.Validators.Add(result => Require(result, result.GetValueOrDefault<double>() > 0, "more than 0 minutes are wanted"));
        var only = new Option<Part[]>("--only")
        {
            Description = "Parts, separated by commas: " + string.Join("; ", Part.All.Select(p => $"{p}: {p.Explanation}")) + ".",
            HelpName = "PART,PART…",
            CustomParser = result => ParseParts(result),
            DefaultValueFactory = _ => [.. Part.All],
        };
        var sizes = new Option<(int H, int N)[]>("--sizes")
        {
            Description = "H x N that are timed, separated by commas, such as 256x1,512x8.",
            HelpName = "HxN,HxN…",
            CustomParser = result => ParseSizes(result),
            DefaultValueFactory = _ => [],
        };
        var folder = new Option<string>("--out")
        {
            Description = "Where gpu-check.md and gpu-check.json go; $OUT, or here.",
            HelpName = "FOLDER",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("OUT") is { Length: > 0 } given ? given : ".",
        };
        var rounds = new Option<int>("--repeats") { Description = "Rounds of every size; 7, or 2 with --quick, where none is given.", HelpName = "R" };
        rounds.Validators.Add(result => Require(result, result.GetValueOrDefault<int>() >= 1, "1 or more are wanted"));
        var commit = new Option<string?>("--commit") { Description = "The commit, where the build does not know it.", HelpName = "ID" };
        var command = new Command("run", "Times and verifies the kernels; what decides comes first.")
        {
            device, quick, minutes, only, sizes, folder, rounds, commit,
        };
        command.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick);
            int given = parsed.GetResult(rounds) is { Implicit: false } ? parsed.GetValue(rounds) : isQuick ? 2 : 7;
            return run(new Options(parsed.GetValue(device), isQuick, parsed.GetValue(minutes), parsed.GetValue(only)!, parsed.GetValue(sizes)!,
                parsed.GetValue(folder)!, given, parsed.GetValue(commit)));
        });
        return command;
    }

    private static void Require(OptionResult result, bool holds, string wanted)
    {
        if (!holds)
            result.AddError($"{result.Option.Name}: {wanted}.");
    }

    private static Part[] ParseParts(ArgumentResult result)
    {
        var parts = new HashSet<Part>();
        foreach (string name in Words(result))
        {
            if (Part.All.FirstOrDefault(p => p.Name == name) is Part part)
                parts.Add(part);
            else
                result.AddError($"--only: '{name}' is no part; there are {string.Join(", ", Part.All)}.");
        }

        return [.. Part.All.Where(parts.Contains)];
    }

    private static (int H, int N)[] ParseSizes(ArgumentResult result)
    {
        var sizes = new List<(int H, int N)>();
        foreach (string size in Words(result))
        {
            int[] numbers = [.. size.Split('x').Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0)];
            if (numbers is [> 0 and var h, > 0 and var n])
                sizes.Add((h, n));
            else
                result.AddError($"--sizes: '{size}' is no size; H and N are wanted, such as 256x1.");
        }

        return [.. sizes.Distinct().Order()];
    }

    private static IEnumerable<string> Words(ArgumentResult result) =>
        result.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
