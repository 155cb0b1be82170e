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
        Assert.Equal(2 * charts, Svgs(html).Length);
        Assert.Contains("<h1>FastRecurrence: a &lt;b&gt; &amp; c</h1>", html);
        Assert.DoesNotMatch("(src|href|srcset)=\"?https?:|@import|url\\((?!#)|<img", html);
        Assert.All(run.Points, p => Assert.Contains(p.Problem, html));
        string[] ids = [.. Regex.Matches(html, " id=\"([^\"]*)\"").Select(m => m.Groups[1].Value)];
        Assert.NotEmpty(ids);
        Assert.Equal(ids.Distinct(), ids);
        Assert.DoesNotMatch("rgb\\(", html); // every colour is the style sheet's, which has two of each
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

    /// <summary>Every mark has its numbers in words; its line goes from the fastest launch to the slowest, and throughput starts at 0.</summary>
    [Fact]
    public void Marks_say_their_numbers_and_lines_their_launches()
    {
        RunFile run = Run("simd-512", [1.0, 1.1, 1.3], [16.0, 16.2, 15.8]);
        IReadOnlyList<Chart> charts = Charts.Of(ReportPoint.From([("a", run)]));
        Chart time = charts.Single(c => c.Title.StartsWith("Time per step", StringComparison.Ordinal)), speed = charts.Single(c => c.Title.StartsWith("Throughput", StringComparison.Ordinal));
        ChartPoint point = time.Series.Single().Points[0];
        Assert.Equal((1.1, 1.0, 1.3), (point.Y, point.Least, point.Most));
        Assert.Equal("lstm_t3_n1_i8_h8 simd-512: 1.100 µs, 1.000 to 1.300 in 3 launches", point.Note);
        Assert.True(speed.IsLinear);
        ChartPoint fast = speed.Series[0].Points[0];
        Assert.Equal(1.1 / 1.3, fast.Least / fast.Y, 1e-6);
        Assert.Equal(1.1 / 1.0, fast.Most / fast.Y, 1e-6);
        string html = System.Net.WebUtility.HtmlDecode(HtmlReport.Write([("a", run)], out _));
        Assert.Contains("<title>lstm_t3_n1_i8_h8 simd-512: 1.100 µs, 1.000 to 1.300 in 3 launches</title>", html);

        // The drawing agrees: higher on the page is a smaller y, and the axis is logarithmic between the two.
        Match line = Regex.Match(html, "<path d=\"M([0-9.]+) ([0-9.]+)V([0-9.]+)\"/>\\s*<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\"");
        double[] drawn = [.. line.Groups.Values.Skip(1).Select(g => double.Parse(g.Value, CultureInfo.InvariantCulture))];
        Assert.Equal(drawn[0], drawn[3]);
        Assert.Equal(Math.Log(1.3 / 1.1) / Math.Log(1.3 / 1.0), (drawn[4] - drawn[2]) / (drawn[1] - drawn[2]), 0.05);
    }

    /// <summary>A device's chart is the CPU's time over its own, and says between which ratios the launches lie.</summary>
    [Fact]
    public void Crossover_of_a_device_is_drawn_with_its_range()
    {
        RunFile cpu = Run("simd-512", [2, 3, 4], [20, 20, 20]), gpu = Run("cuda:0", [1, 1, 2], [40, 40, 40], device: true);
        Chart chart = Charts.Of(ReportPoint.From([("a", cpu with { Points = [.. cpu.Points, .. gpu.Points] })])).Single(c => c.Title.StartsWith("Crossover", StringComparison.Ordinal));
        ChartPoint[] points = [.. chart.Series[0].Points];
        Assert.Equal([(3, 1, 4), (0.5, 0.5, 0.5)], points.Select(p => (p.Y, p.Least, p.Most)));
        Assert.Equal(["cuda:0, kernels", "cuda:0, with transfers", "even"], chart.Series.Select(s => s.Name));
    }

    [Fact]
    public void Two_runs_stand_beside_one_another_with_the_verdicts_of_compare()
    {
        RunFile before = Run("simd-512", [10, 10.1, 10.2], [20, 20.1, 20.2]), after = Run("simd-512", [12, 12.1, 12.2], [20, 20.1, 20.2]);
        string html = HtmlReport.Write([("old", before), ("new <1>", after)], out _);
        Assert.Contains("<h2>new &lt;1&gt; against old</h2>", html);
        Assert.Matches("<tr class=\"Slower\"><td class=\"left\">lstm_t3_n1_i8_h8[^/]*</td>.*<td class=\"left\">SLOWER</td></tr>", html);
        Assert.Matches("<tr class=\"Same\"><td class=\"left\">lstm_t3_n4_i8_h8[^/]*</td>.*<td class=\"left\">SAME</td></tr>", html);
        Assert.Contains("0 faster, 1 slower, 1 same, 0 ambiguous", html);
        Assert.Contains("new &lt;1&gt;: simd-512", html);
        Assert.DoesNotContain("against old</h2>", HtmlReport.Write([("old", before)], out _));
    }

    [Theory]
    [InlineData(1400, false)]
    [InlineData(1400, true)]
    [InlineData(600, false)]
    [InlineData(390, false)]
    [InlineData(390, true)]
    public void A_browser_shows_charts_and_tables_and_nothing_overflows(int width, bool dark)
    {
        Browser.Require();
        string json = Path.Combine(_folder, "run.json"), page = Path.Combine(_folder, "report.html");
        File.WriteAllText(json, s_measured.Value);
        Assert.Equal(0, ToolRun.Of("report", json, json, "--html", page).ExitCode);

        // The page as it is, with a look at itself at the end.
        string html = File.ReadAllText(page);
        File.WriteAllText(page, html.Replace("</body>", $"<script>{Look}</script></body>", StringComparison.Ordinal));
        // A frame may be narrower than a window can be.
        string frame = Path.Combine(_folder, "frame.html");
        File.WriteAllText(frame, $"<body style=\"margin:0\"><iframe src=\"report.html\" style=\"border:0;width:{width}px;height:900px\"></iframe><script>{Listen}</script></body>");
        (string document, string console) = Browser.Open(frame, width, 900, dark);
        Assert.Equal("", console);
        Match found = Regex.Match(document, "<meta name=\"found\" content=\"([^\"]*)\"");
        Assert.True(found.Success, "the page's scripts did not run");
        JsonElement seen = JsonDocument.Parse(System.Net.WebUtility.HtmlDecode(found.Groups[1].Value)).RootElement;
        int charts = Regex.Count(html, "<figure>");
        Assert.Equal(charts, seen.GetProperty("drawn").GetInt32());
        Assert.True(seen.GetProperty("rows").GetInt32() >= 3 * RunFile.Load(json).Points.Count);
        Assert.Equal("", seen.GetProperty("overflowing").GetString());
        Assert.Equal(width, seen.GetProperty("windowWidth").GetInt32());
        Assert.True(seen.GetProperty("pageWidth").GetInt32() <= seen.GetProperty("windowWidth").GetInt32());
        Assert.Equal(width <= 600 ? "narrow" : "wide", seen.GetProperty("kind").GetString());
        Assert.Equal("ascending", seen.GetProperty("sorted").GetString());
        Assert.Equal("", seen.GetProperty("covered").GetString());
        Assert.Equal(dark, seen.GetProperty("dark").GetBoolean());
        Assert.InRange(seen.GetProperty("textContrast").GetDouble(), 4.5, 21);
        Assert.InRange(seen.GetProperty("lineContrast").GetDouble(), 3, 21);
    }

    /// <summary>Counts what is drawn, finds what sticks out (a table may, inside its own scrolling box), sorts a table once, measures contrasts.</summary>
    private const string Look = """
        addEventListener("load", () => {
          const charts = [...document.querySelectorAll("figure svg")].filter(s => s.clientWidth > 100 && s.querySelectorAll("polyline, path").length > 5);
          const out = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll table") && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName);
          const labels = charts.flatMap(c => [...c.querySelectorAll(".mark text")].filter(t => t.style.display !== "none").map(t => [c, t.getBoundingClientRect()]));
          const covered = labels.filter(([c, a], i) => labels.some(([d, b], k) => k > i && c === d && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
          const head = document.querySelector("th button");
          head.click();
          const light = rgb => { const [r, g, b] = rgb.match(/[0-9.]+/g).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
          const card = getComputedStyle(document.querySelector("figure")).backgroundColor;
          const texts = [...document.querySelectorAll("figure svg text")].map(t => contrast(getComputedStyle(t).fill, card));
          const lines = [...document.querySelectorAll(".mark path")].map(t => contrast(getComputedStyle(t).stroke, card));
          parent.postMessage(JSON.stringify({
            drawn: charts.length, rows: document.querySelectorAll("tbody tr").length, kind: charts[0].classList[0],
            overflowing: out.join(" "), pageWidth: document.documentElement.scrollWidth, windowWidth: innerWidth, covered: covered.length ? "labels" : "",
            dark: light(card) < 0.2, textContrast: Math.min(...texts), lineContrast: Math.min(...lines), sorted: head.parentElement.getAttribute("aria-sort") }), "*");
        });
        """;

    private const string Listen = """
        addEventListener("message", e => {
          const meta = document.createElement("meta");
          meta.name = "found";
          meta.content = e.data;
          document.head.append(meta);
        });
        """;

    /// <summary>Two points, N = 1 and 4, with such times in µs.</summary>
    private static RunFile Run(string backend, double[] one, double[] four, bool device = false)
    {
        RunFile run = FastRecurrence.Cli.Output.JsonOutput.Deserialize<RunFile>(s_measured.Value);
        PointRecord like = run.Points[0];
        return run with { Points = [Point(1, one), Point(4, four)], Skipped = [], Unavailable = [] };

        PointRecord Point(int batch, double[] times)
        {
            TimeRecord[] all = [.. times.Select(t => new TimeRecord(t, t, 0.1, null, 1, [t]))];
            PointRecord point = like with
            {
                Id = $"lstm_t3_n{batch}_i8_h8 {backend}",
                Problem = $"lstm_t3_n{batch}_i8_h8",
                Backend = backend,
                Device = device,
                Launches = [.. all.Select((t, i) => new LaunchTimes(i + 1, false, 1, 1, t, device ? t : null, null, null))],
            };
            return point with { Summary = PointSummary.Of(point, run.Launches) };
        }
    }

    /// <summary>One run for all tests, with a device beside the CPU where there is one.</summary>
    private static readonly Lazy<string> s_measured = new(() =>
    {
        string folder = Directory.CreateTempSubdirectory("fastrecurrence").FullName, path = Path.Combine(folder, "measured.json");
        ToolRun run = ToolRun.Of("sweep", "-c", "lstm,elman", "-H", "8", "-b", "1,4", "-t", "3", "-B", "simd,opencl,scalar", "--latency", "--save", path, "--min-time", "2ms", "--timeout", "20ms", "--launches", "1");
        Assert.True(run.ExitCode is 0 or 1, run.Error); // 1: OpenCL was named and is absent
        string text = File.ReadAllText(path);
        Directory.Delete(folder, recursive: true);
        return text;
    });

    private RunFile Measured()
    {
        string path = Path.Combine(_folder, "measured.json");
        File.WriteAllText(path, s_measured.Value);
        return RunFile.Load(path);
    }

    private static string[] Svgs(string html) => [.. Regex.Matches(html, "<svg.*?</svg>", RegexOptions.Singleline).Select(m => m.Value)];
}
