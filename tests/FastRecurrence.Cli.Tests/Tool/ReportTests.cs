using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastRecurrence.Cli.Reporting;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>The HTML report: whole in itself, and as a browser shows it.</summary>
[Collection("devices")]
public sealed class ReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrecurrence").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Nothing_comes_from_elsewhere_and_texts_are_escaped()
    {
        RunFile run = Measured();
        string html = HtmlReport.Write([("a <b> & c", run)], out int charts);
        Assert.InRange(charts, 4, 12);
        Assert.Equal(charts, Regex.Count(html, "<figure>"));
        Assert.Equal(2 * charts, Regex.Count(html, "data:image/svg\\+xml;base64,"));
        Assert.Contains("<h1>FastRecurrence: a &lt;b&gt; &amp; c</h1>", html);
        string beside = Regex.Replace(html, "data:image/svg\\+xml;base64,[A-Za-z0-9+/=]*", "");
        Assert.DoesNotMatch("(src|href|srcset)=\"?https?:|@import|url\\(", beside);
        Assert.All(run.Points, p => Assert.Contains(p.Problem, beside));
    }

    [Fact]
    public void Charts_are_the_same_bytes_in_every_culture()
    {
        RunFile run = Measured();
        string invariant = HtmlReport.Write([("a", run)], out _);
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Equal(Svgs(invariant), Svgs(HtmlReport.Write([("a", run)], out _)));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(600)]
    [InlineData(390)]
    public void A_browser_shows_charts_and_tables_and_nothing_overflows(int width)
    {
        Browser.Require();
        string json = Path.Combine(_folder, "run.json"), page = Path.Combine(_folder, "report.html");
        Measured(json);
        Assert.Equal(0, ToolRun.Of("report", json, "--html", page).ExitCode);

        // The page as it is, with a look at itself at the end.
        string html = File.ReadAllText(page);
        File.WriteAllText(page, html.Replace("</body>", $"<script>{Look}</script></body>", StringComparison.Ordinal));
        (string document, string console) = Browser.Open(page, width, 900);
        Assert.Equal("", console);
        Match found = Regex.Match(document, "<meta name=\"found\" content=\"([^\"]*)\"");
        Assert.True(found.Success, "the page's scripts did not run");
        JsonElement seen = JsonDocument.Parse(System.Net.WebUtility.HtmlDecode(found.Groups[1].Value)).RootElement;
        int charts = Regex.Count(html, "<figure>");
        Assert.Equal(charts, seen.GetProperty("drawn").GetInt32());
        Assert.Equal(RunFile.Load(json).Points.Count, seen.GetProperty("rows").GetInt32());
        Assert.Equal("", seen.GetProperty("overflowing").GetString());
        Assert.True(seen.GetProperty("pageWidth").GetInt32() <= seen.GetProperty("windowWidth").GetInt32());
        Assert.Equal(width <= 600 ? 400 : 660, seen.GetProperty("imageWidth").GetInt32());
        Assert.Equal("ascending", seen.GetProperty("sorted").GetString());
    }

    /// <summary>Counts what is drawn, finds what sticks out (a table may, inside its own scrolling box), and sorts a table once.</summary>
    private const string Look = """
        addEventListener("load", () => {
          const images = [...document.images];
          const out = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll table") && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName);
          const head = document.querySelector("th button");
          head.click();
          const meta = document.createElement("meta");
          meta.name = "found";
          meta.content = JSON.stringify({
            drawn: images.filter(i => i.complete && i.naturalWidth > 0 && i.clientWidth > 100).length, rows: document.querySelectorAll("tbody tr").length,
            overflowing: out.join(" "), pageWidth: document.documentElement.scrollWidth, windowWidth: innerWidth, imageWidth: images[0].naturalWidth,
            sorted: head.parentElement.getAttribute("aria-sort") });
          document.head.append(meta);
        });
        """;

    /// <summary>A real run with a device beside the CPU where there is one.</summary>
    private RunFile Measured(string? path = null)
    {
        path ??= Path.Combine(_folder, "measured.json");
        ToolRun run = ToolRun.Of("sweep", "-c", "lstm,elman", "-H", "8", "-b", "1,4", "-t", "3", "-B", "simd,opencl,scalar", "--latency", "--save", path, "--min-time", "2ms", "--timeout", "20ms", "--launches", "1");
        Assert.True(run.ExitCode is 0 or 1, run.Error); // 1: OpenCL was named and is absent
        return RunFile.Load(path);
    }

    private static string[] Svgs(string html) => [.. Regex.Matches(html, "base64,([A-Za-z0-9+/=]*)").Select(m => m.Groups[1].Value)];
}
