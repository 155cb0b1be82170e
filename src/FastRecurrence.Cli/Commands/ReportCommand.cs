using System.CommandLine;
using FastRecurrence.Cli.Reporting;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>report</c>: saved runs as one HTML file; without one, as tables on stdout. Nothing is measured again.</summary>
internal static class ReportCommand
{
    public static Command Create(Session session)
    {
        var files = new Argument<string[]>("run.json") { Description = "Runs that 'sweep --save' kept.", Arity = ArgumentArity.OneOrMore };
        var html = new Option<string?>("--html")
        {
            Description = "Write one HTML file with charts, tables and environment; it needs no network.",
            HelpName = "file.html",
        };
        Option<OutputFormat> output = CommonOptions.AnyOutput();
        var command = new Command("report", "Show saved runs again: as HTML with charts, or as a table, markdown, CSV.") { files, html, output };
        command.SetAction(parsed =>
        {
            string[] paths = parsed.GetRequiredValue(files);
            string? target = parsed.GetValue(html);
            if (target is not null && paths.Any(p => Path.GetFullPath(p) == Path.GetFullPath(target)))
                throw CommandException.Usage($"--html {target} is one of the runs");
            (string Name, RunFile Run)[] runs = [.. paths.Select(p => (Path.GetFileNameWithoutExtension(p), RunFile.Load(p)))];
            if (target is null)
            {
                foreach ((_, RunFile run) in runs)
                    SweepOutput.Write(session, run, parsed.Get(output));
                return ExitCode.Ok;
            }

            string document = HtmlReport.Write(runs, out int charts);
            using (var file = new SaveFile(target, document.Length))
                file.Save(document);
            session.WriteLine($"wrote {target}: {Words.Count(charts, "chart")}, {runs.Sum(r => r.Run.Points.Count)} points");
            return ExitCode.Ok;
        });
        return command;
    }
}
