using System.Net;
using System.Reflection;
using System.Text;
using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Reporting;

/// <summary>
/// Runs as one HTML file that needs nothing else: charts are images inside it (as images, since every chart uses the same
/// ids), a wide and a narrow drawing of each; tables beneath, then where the numbers come from.
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
        var html = new StringBuilder();
        string title = $"FastRecurrence: {string.Join(", ", files.Select(f => f.Name))}";
        html.Append($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{Text(title)}</title>\n");
        html.Append($"<style>\n{Resource("report.css")}</style>\n</head>\n<body>\n<h1>{Text(title)}</h1>\n");
        foreach ((string name, RunFile run) in files)
        {
            html.Append($"<p class=\"dim\">{Text(files.Count == 1 ? "" : $"{name}: ")}{Text(run.Machine.Processor)} · {run.Started:yyyy-MM-dd HH:mm} UTC · {run.Points.Count} points, {run.Settings.Launches} launches</p>\n");
            if (run.Partial)
                html.Append($"<p class=\"bad\">{Text(name)} is partial: its run was cut short.</p>\n");
        }

        html.Append("<h2>Charts</h2>\n<div class=\"charts\">\n");
        foreach (Chart chart in drawn)
            html.Append(Figure(chart));
        html.Append("</div>\n");
        foreach ((string name, RunFile run) in files)
            Section(html, files.Count == 1 ? "" : $" of {name}", run);
        html.Append($"<script>\n{Resource("report.js")}</script>\n</body>\n</html>\n");
        return html.ToString();
    }

    private static string Figure(Chart chart)
    {
        // A narrow legend has a line for each series, below the chart.
        string wide = Image(chart.Svg(Wide, WideHeight)), narrow = Image(chart.Svg(Narrow, NarrowHeight + LegendLine * chart.Series.Count));
        return $"<figure><picture><source media=\"screen and (max-width: 600px)\" srcset=\"{narrow}\"><img src=\"{wide}\" width=\"{Wide}\" height=\"{WideHeight}\" alt=\"{Text(chart.Description)}\"></picture></figure>\n";
    }

    private static string Image(string svg) => $"data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(svg))}";

    private static void Section(StringBuilder html, string which, RunFile run)
    {
        html.Append($"<h2>Table{Text(which)}</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Measured points\">\n<table>\n<thead><tr>");
        (IReadOnlyList<TextTable.Column> columns, IReadOnlyList<string[]> rows) = SweepTable.Of(run);
        foreach (TextTable.Column column in columns)
            html.Append($"<th{Side(column)} scope=\"col\"><button type=\"button\">{Text(column.Heading)}</button></th>");
        html.Append("</tr></thead>\n<tbody>\n");
        foreach (string[] row in rows)
            html.Append($"<tr>{string.Concat(row.Select((cell, i) => $"<td{Side(columns[i])}>{Text(cell)}</td>"))}</tr>\n");
        html.Append("</tbody>\n</table>\n</div>\n");
        string[] notes = [.. SweepTable.Notes(run)];
        if (notes.Length > 0)
            html.Append($"<ul>\n{string.Concat(notes.Select(n => $"<li>{Text(n)}</li>\n"))}</ul>\n");
        html.Append($"<h2>Environment{Text(which)}</h2>\n<pre><code>{Text(run.Command)}</code></pre>\n<dl>\n");
        foreach ((string name, string value) in EnvironmentText.Of(run).Skip(1))
            html.Append($"<dt>{Text(name)}</dt><dd>{Text(value)}</dd>\n");
        html.Append("</dl>\n");
    }

    private static string Side(TextTable.Column column) => column.Left ? " class=\"left\"" : "";

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
