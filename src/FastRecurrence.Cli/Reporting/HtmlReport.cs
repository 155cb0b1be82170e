using System.Globalization;
using System.Reflection;
using System.Text;
using FastRecurrence.Cli.Sweeping;
using Scriban;
using Scriban.Runtime;

namespace FastRecurrence.Cli.Reporting;

/// <summary>
/// Runs as one HTML file that needs nothing else: <c>report.html</c> is its template. Charts are images inside it (as images, since every chart uses the
/// same ids), a wide and a narrow drawing of each; tables beneath, then where the numbers come from.
/// </summary>
internal static class HtmlReport
{
    private const int Wide = 660, WideHeight = 440, Narrow = 400, NarrowHeight = 420, LegendLine = 20;

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
            Files = files.Select(f => File(f.Name, f.Run, isOnly: files.Count == 1)),
        });
        // Limits of the template engine are for templates of strangers: a run may have more points, and a chart more bytes.
        var context = new TemplateContext { LoopLimit = 0, LimitToString = 0, StrictVariables = true };
        context.PushCulture(CultureInfo.InvariantCulture);
        context.PushGlobal(model);
        return Template.Parse(Resource("report.html")).Render(context);
    }

    private static object Figure(Chart chart) => new
    {
        Wide = Image(chart.Svg(Wide, WideHeight)),
        // A narrow legend has a line for each series, below the chart.
        Narrow = Image(chart.Svg(Narrow, NarrowHeight + LegendLine * chart.Series.Count)),
        Width = Wide,
        Height = WideHeight,
        chart.Description,
    };

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

    private static string Image(string svg) => $"data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(svg))}";

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
