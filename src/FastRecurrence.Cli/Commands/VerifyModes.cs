using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using FastRecurrence.TestKit.Cases;
using FastRecurrence.TestKit.Fuzzing;

namespace FastRecurrence.Cli.Commands;

/// <summary>What <c>verify</c> holds to account instead of random problems: case files, readers, activations. One a call.</summary>
internal sealed class VerifyModes(Session session, Option<string[]> backends, Option<int> seed, Option<OutputFormat> output)
{
    private readonly Option<string> _cases = new("--cases")
    {
        Description = "Run every case file in a folder: JSON operator and framework cases, PyTorch safetensors cases, ONNX node-test folders.",
        HelpName = "folder",
    };

    private readonly Option<long> _fuzz = CommonOptions.Value(
        "--fuzz", "number", "Read so many damaged files of every kind; a reader may only accept or refuse them.", "1", Count);
    private readonly Option<long> _first = CommonOptions.Value(
        "--first", "number", "With --fuzz: the number of the first damaged file; 0 by default.", "0", text => Whole(text, 0));
    private readonly Option<bool> _activations = new("--activations")
    {
        Description = "Hold sigmoid and tanh against double over all 2^32 floats, at the SIMD widths that --backend names; simd by default.",
    };

    private readonly Option<long> _every = CommonOptions.Value(
        "--every", "number", "With --activations: only every so-manieth float; 1 by default.", "1", Count);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_cases, _fuzz, _first, _activations, _every])
            command.Add(option);
    }

    /// <summary>Runs what the command line asks for; null when it asks for random problems.</summary>
    public int? Run(ParseResult parsed)
    {
        if (parsed.Has(_cases))
        {
            RefuseOthers(parsed, _cases, backends, output);
            return new VerifyCases(session, parsed.GetRequiredValue(_cases), parsed.Get(backends) ?? [], parsed.Get(output)).Run();
        }

        if (parsed.Has(_fuzz))
        {
            RefuseOthers(parsed, _fuzz, _first, seed, output);
            using var fuzzer = new Fuzzer();
            return VerifyFuzz.Run(session, fuzzer, parsed.Get(_fuzz), parsed.Get(seed), parsed.Get(_first), parsed.Get(output));
        }

        if (parsed.Has(_activations))
        {
            RefuseOthers(parsed, _activations, _every, backends, output);
            return VerifyActivations.Run(session, parsed.Get(backends) ?? [], parsed.Get(_every), parsed.Get(output));
        }

        if (parsed.Has(_first) || parsed.Has(_every))
            throw CommandException.Usage(parsed.Has(_first) ? "--first goes with --fuzz." : "--every goes with --activations.");
        return null;
    }

    /// <summary>An option that would be ignored is an error.</summary>
    private static void RefuseOthers(ParseResult parsed, Option mode, params ReadOnlySpan<Option> allowed)
    {
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            if (option != mode && !allowed.Contains(option) && parsed.Has(option))
                throw CommandException.Usage($"{option.Name} does not go with {mode.Name}.");
        }
    }

    private static long Count(string text) => Whole(text, 1);

    private static long Whole(string text, long atLeast) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= atLeast && value <= uint.MaxValue
            ? value
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a number from {atLeast} to {uint.MaxValue}."));
}
