using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using FastRecurrence.Cli.Commands;

namespace FastRecurrence.Cli;

/// <summary>The commands, and what happens before one of them runs: parsing, help, usage errors.</summary>
internal static class CommandLine
{
    private static readonly Option<bool> s_verbose = new("--verbose") { Description = "Show a stack trace with an error.", Recursive = true };

    /// <summary>Parses and runs.</summary>
    /// <returns>The exit code.</returns>
    public static int Invoke(string[] args, Session session)
    {
        RootCommand root = Root(session);
        if (args.Length == 0)
        {
            WriteShortHelp(root, session.ErrorWriter);
            return ExitCode.Usage;
        }

        if (args[0] == "help")
            args = [.. args[1..], "--help"];
        // A token that starts with @ is no response file here: paths and names are taken as they are.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        session.Verbose = parsed.Get(s_verbose);
        // Help and completions look at lines that are not finished.
        bool wantsWords = parsed.Action is ToolHelp || args[0].StartsWith("[suggest", StringComparison.Ordinal);
        string? mistyped = Mistyped(parsed);
        if ((parsed.Errors.Count > 0 || mistyped is not null) && !wantsWords)
            throw CommandException.Usage(mistyped is null ? parsed.Errors[0].Message : Explain(mistyped, parsed.CommandResult.Command));

        return parsed.Invoke(new InvocationConfiguration
        {
            Output = session.ResultWriter,
            Error = session.ErrorWriter,
            EnableDefaultExceptionHandler = false, // Program turns exceptions into one line and an exit code
            ProcessTerminationTimeout = null,      // Program handles Ctrl-C
        });
    }

    private static RootCommand Root(Session session)
    {
        var root = new RootCommand("Recurrent kernels measured and verified: sweeps, comparisons, reports, and the batch size at which a GPU pays.")
        {
            InfoCommand.Create(session),
            ExercisesCommand.Create(session),
            GradientsCommand.Create(session),
            VerifyCommand.Create(session),
            InspectCommand.Create(session),
            SweepCommand.Create(session),
            CrossoverCommand.Create(session),
            CompareCommand.Create(session),
            ReportCommand.Create(session),
            LaunchCommand.Create(session),
            s_verbose,
        };
        foreach (HelpOption help in root.Options.OfType<HelpOption>())
            help.Action = new ToolHelp((HelpAction)help.Action!);
        return root;
    }

    private static void WriteShortHelp(RootCommand root, TextWriter writer)
    {
        writer.WriteLine("usage: fastrecurrence <command> [options]");
        foreach (Command command in root.Subcommands.Where(c => !c.Hidden))
            writer.WriteLine($"  {command.Name,-10} {command.Description}");
        writer.WriteLine("'fastrecurrence <command> --help' lists the options of a command.");
    }

    /// <summary>
    /// The word that was not understood. A mistyped option may have been taken for an argument, and its value for a surplus
    /// one: no value here begins with a dash but a negative number, which its option refuses, so the word that does comes first.
    /// </summary>
    private static string? Mistyped(ParseResult parsed) =>
        parsed.Tokens.FirstOrDefault(t => t.Type == TokenType.Argument && t.Value is ['-', < '0' or > '9', ..] or "-")?.Value
        ?? (parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null);

    private static string Explain(string word, Command command)
    {
        IEnumerable<string> known = word.StartsWith('-')
            ? command.Options.Append(s_verbose).Select(o => o.Name)
            : command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);
        return $"'{word}' was not matched.{Suggestion.For(word, known)}";
    }
}
