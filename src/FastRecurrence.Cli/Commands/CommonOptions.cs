using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace FastRecurrence.Cli.Commands;

/// <summary>Options that mean the same in every command. Each call makes a new one: a command may set its own default.</summary>
internal static class CommonOptions
{
    public static Option<OutputFormat> Output() => Format("table (default) or json.", OutputFormat.Table, OutputFormat.Json);

    /// <summary>For the commands that also write what others paste and import.</summary>
    public static Option<OutputFormat> AnyOutput() => Format("table (default), md (to paste), csv, jsonl (a line a point) or json.",
        OutputFormat.Table, OutputFormat.Markdown, OutputFormat.Csv, OutputFormat.JsonLines, OutputFormat.Json);

    /// <summary>Where a run is kept.</summary>
    public static Option<string?> Save() => new("--save") { Description = "Keep the run in a file for compare and report.", HelpName = "file.json" };

    public static Option<int> Seed() => Value("--seed", "number", "Seed of the random numbers; 1 by default.", "1", text => WholeNumber(text, 0, int.MaxValue));

    /// <summary>Reads a whole number.</summary>
    /// <exception cref="FormatException">The text is none, or it lies outside.</exception>
    public static int WholeNumber(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value : throw new FormatException($"'{text}' is not a whole number from {least}{(most == int.MaxValue ? " on" : $" to {most}")}.");

    /// <summary>Backends by name; empty when the option is absent.</summary>
    public static Option<string[]> Backends(string byDefault) => new("--backend", "-B")
    {
        Description = $"Backends by name, separated by commas: reference, scalar, simd, simd-256, opencl:0, cuda:0, all, …; {byDefault} by default.",
        HelpName = "names",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result =>
        {
            string[] names = [.. result.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
            if (result.Tokens.Count > 0 && names.Length == 0)
                result.AddError("--backend: no name given.");
            return names;
        },
    };

    public static Option<IReadOnlyList<CellName>> Cells(string byDefault) => Axis("--cell", "-c", "cells",
        $"Cells, separated by commas: {string.Join(", ", CellName.All.Select(c => c.Name))}; {byDefault} by default.", byDefault, CellName.ParseList);

    public static Option<IReadOnlyList<int>> Batch(string byDefault) => Axis("--batch", "-b", "axis",
        $"Rows N: 1,2,8 or 1..256 (doubling) or 64..512+64 or 1..1000x10; {byDefault} by default.", byDefault, text => IntegerAxis.Parse(text, atLeast: 1));

    public static Option<IReadOnlyList<int>> Hidden(string byDefault) => Axis("--hidden", "-H", "axis",
        $"Hidden sizes H, written like --batch; {byDefault} by default.", byDefault, text => IntegerAxis.Parse(text, atLeast: 1));

    /// <summary>null in the list stands for the hidden size.</summary>
    public static Option<IReadOnlyList<int?>> Input(string byDefault) => Axis("--input", "-I", "axis",
        $"Input sizes I, written like --batch, or same for I = H; {byDefault} by default.", byDefault, IntegerAxis.ParseOrSame);

    public static Option<IReadOnlyList<int>> Length(string byDefault) => Axis("--length", "-t", "axis",
        $"Steps T, written like --batch; {byDefault} by default.", byDefault, text => IntegerAxis.Parse(text, atLeast: 1));

    /// <summary>An option with one value, read by <paramref name="parse"/>; a FormatException becomes a usage error that names the option.</summary>
    public static Option<T> Value<T>(string name, string helpName, string description, string byDefault, Func<string, T> parse) =>
        new WithDefault<T>(name, () => parse(byDefault))
        {
            Description = description,
            HelpName = helpName,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Parsed(result, name, parse),
        };

    /// <summary>What was given, or the option's default.</summary>
    public static T Get<T>(this ParseResult parsed, Option<T> option) =>
        option is WithDefault<T> o && parsed.GetResult(option) is not { Implicit: false } ? o.Default() : parsed.GetValue(option)!;

    /// <summary>Whether the command line has it.</summary>
    public static bool Has(this ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>The parser is not told the default: help would show how .NET prints it, beside the description, which has it as one writes it.</summary>
    private sealed class WithDefault<T>(string name, Func<T> byDefault) : Option<T>(name)
    {
        public T Default() => byDefault();
    }

    /// <summary>As <see cref="Value"/>, with a short name.</summary>
    public static Option<IReadOnlyList<T>> Axis<T>(
        string name, string alias, string helpName, string description, string byDefault, Func<string, IReadOnlyList<T>> parse)
    {
        Option<IReadOnlyList<T>> option = Value(name, helpName, description, byDefault, parse);
        option.Aliases.Add(alias);
        return option;
    }

    private static Option<OutputFormat> Format(string description, params OutputFormat[] formats) => new("--output", "-o")
    {
        Description = description,
        HelpName = "format",
        CustomParser = result => Parsed(result, "--output", text =>
        {
            foreach (OutputFormat format in formats)
            {
                if (string.Equals(text, Name(format), StringComparison.OrdinalIgnoreCase))
                    return format;
            }

            throw new FormatException($"'{text}' is not a format. Use {string.Join(", ", formats.SkipLast(1).Select(Name))} or {Name(formats[^1])}.");
        }),
    };

    private static string Name(OutputFormat format) => format switch
    {
        OutputFormat.Markdown => "md",
        OutputFormat.JsonLines => "jsonl",
        _ => format.ToString().ToLowerInvariant(),
    };

    private static T? Parsed<T>(ArgumentResult result, string option, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens.Single().Value);
        }
        catch (FormatException e)
        {
            result.AddError($"{option}: {e.Message}");
            return default;
        }
    }
}
