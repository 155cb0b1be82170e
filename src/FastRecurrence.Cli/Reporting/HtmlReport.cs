using System.Globalization;
using System.Reflection;
using FastRecurrence.Cli.Commands;
using FastRecurrence.Cli.Sweeping;
using Scriban;
using Scriban.Runtime;

namespace FastRecurrence.Cli.Reporting;

/// <summary>
/// Runs as one HTML file that needs nothing else: <c>report.html</c> is its template. A wide and a narrow drawing of each chart; two runs point by point
/// with their verdicts; tables beneath, then where the numbers come from.
/// </summary>
internal static class HtmlReport
{
    private const int Wide = 660, WideHeight = 440, Narrow = 400, NarrowHeight = 340;

    /// <summary>The document.</summary>
    /// <param name="files">Names and runs.</param>
    /// <param name="charts">How many charts it holds.</param>
    public static string Write(IReadOnlyList<(string Name, RunFile Run)> files, out int charts)
    {
        IReadOnlyList<Chart> drawn = Charts.Of(ReportPoint.From(files));
        charts = drawn.Count;
        var model = new ScriptObject();
        model.Import(new
        {
            Title = $"FastRecurrence: {string.Join(", ", files.Select(f => f.Name))}",
            Style = Resource("report.css"),
            Script = Resource("report.js"),
            Charts = drawn.Select(Figure),
            Compared = files.Count == 2 ? Compare(files) : null,
            Files = files.Select(f => File(f.Name, f.Run, isOnly: files.Count == 1)),
        });
        // Limits of the template engine are for templates of strangers: a run may have more points, and a chart more bytes.
        var context = new TemplateContext { LoopLimit = 0, LimitToString = 0, StrictVariables = true };
        context.PushCulture(CultureInfo.InvariantCulture);
        context.PushGlobal(model);
        return Template.Parse(Resource("report.html")).Render(context);
    }

    private static object Figure(Chart chart, int number) => new
    {
        Drawings = new[] { chart.Drawing($"w{number}-", Wide, WideHeight), chart.Drawing($"n{number}-", Narrow, NarrowHeight) },
        chart.Title,
        chart.Description,
        chart.Series,
    };

    private static object Compare(IReadOnlyList<(string Name, RunFile Run)> files)
    {
        var comparison = Comparison.Of(files[0].Run, files[1].Run, CompareCommand.Threshold);
        return new
        {
            Heading = $"{files[1].Name} against {files[0].Name}",
            CompareCommand.Columns,
            Rows = comparison.Points.Select(p => new { Kind = p.Verdict.Kind.ToString(), Cells = CompareCommand.Row(p) }),
            Notes = comparison.Points.Count == 0 ? ["the runs have no point in common"] : CompareCommand.Notes(comparison).ToArray(),
        };
    }

    private static object File(string name, RunFile run, bool isOnly)
    {
        (IReadOnlyList<TextTable.Column> columns, IReadOnlyList<string[]> rows) = SweepTable.Of(run);
        string what = $"{run.Started:yyyy-MM-dd HH:mm} UTC · {run.Points.Count} points, {run.Settings.Launches} launches";
        return new
        {
            Name = name,
            Head = $"{(isOnly ? "" : $"{name}: ")}{run.Machine.Processor} · {what}",
            run.Partial,
            Which = isOnly ? "" : $" of {name}",
            Columns = columns,
            Rows = rows,
            Notes = SweepTable.Notes(run).ToArray(),
            run.Command,
            Facts = EnvironmentText.Of(run).Skip(1).Select(fact => new { fact.Name, fact.Value }),
        };
    }

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
