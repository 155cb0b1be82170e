using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README's chart against the committed runs that it is drawn from; scripts/draw-chart.cs shares no code with this.</summary>
public sealed partial class ReadmeChartTests
{
    private const string Cpu = "bench/results/epyc-zen5-2core/peers.json", Gpu = "bench/results/h100/gpu-check.json";

    private static readonly XElement s_picture = XDocument.Load(Path.Combine(Repository.Root, "docs/measured.svg")).Root!;

    /// <summary>Class of the bars, and the ratios of each hidden size in ascending order.</summary>
    public static TheoryData<string, double[][]> Series => new()
    {
        { "a", OfCpu("onnxruntime") },
        { "b", OfCpu("torch") },
        { "c", OfGpu() },
    };

    [Theory]
    [MemberData(nameof(Series))]
    public void Bars_lines_and_numbers_are_those_of_the_runs(string style, double[][] sizes)
    {
        XElement[] bars = [.. Elements("rect", style).Where(r => Number(r, "height") != 12)]; // the key's squares have 12
        Assert.Equal(sizes.Length, bars.Length);
        double bottom = Number(bars[0], "y") + Number(bars[0], "height"), one = double.Parse(Height().Match((string)Elements("path", "even").First().Attribute("d")!).Groups[1].Value, CultureInfo.InvariantCulture);
        double unit = bottom - one;
        Assert.InRange(unit, 20, 100);
        for (int i = 0; i < bars.Length; i++)
        {
            Assert.Equal(5, sizes[i].Length);
            double mean = Math.Pow(sizes[i].Aggregate((a, b) => a * b), 1.0 / sizes[i].Length);
            Assert.Equal(mean, Number(bars[i], "height") / unit, 0.003);
            XElement range = bars[i].ElementsAfterSelf().First(), value = bars[i].ElementsAfterSelf().Skip(1).First();
            Match line = Range().Match((string)range.Attribute("d")!);
            Assert.Equal(sizes[i].Max(), (bottom - double.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture)) / unit, 0.003);
            Assert.Equal(sizes[i].Min(), (bottom - double.Parse(line.Groups[2].Value, CultureInfo.InvariantCulture)) / unit, 0.003);
            Assert.Equal(mean.ToString("F2", CultureInfo.InvariantCulture), value.Value);
            string words = string.Create(CultureInfo.InvariantCulture, $"{mean:F2} ({sizes[i].Min():F2} to {sizes[i].Max():F2})");
            Assert.Contains(words, s_picture.Elements().Single(e => e.Name.LocalName == "desc").Value);
        }
    }

    /// <summary>The alternative text of the picture, which says the smallest and largest bar of each kind.</summary>
    [Fact]
    public void The_text_of_the_picture_says_the_same()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        string text = Regex.Match(readme, @"!\[([^\]]*)\]\(docs/measured\.svg\)").Groups[1].Value;
        string[] expected = [.. Series.Select(s => s.Data.Item2.Select(r => Math.Pow(r.Aggregate((a, b) => a * b), 1.0 / r.Length)).ToArray())
            .Select(means => string.Create(CultureInfo.InvariantCulture, $"{means.Min():F2} to {means.Max():F2} times"))];
        Assert.All(expected, range => Assert.Contains(range, text));
    }

    [Fact]
    public void It_follows_dark_mode_and_names_its_runs()
    {
        string svg = File.ReadAllText(Path.Combine(Repository.Root, "docs/measured.svg"));
        Assert.Contains("prefers-color-scheme: dark", svg);
        Assert.Contains(Cpu, svg);
        Assert.Contains(Gpu, svg);
        // Every colour comes from the variables, which both modes set.
        string[] sets = [.. Regex.Matches(svg, @":root \{([^}]*)\}").Select(m => string.Join(',', Regex.Matches(m.Groups[1].Value, "--[a-z]+").Select(v => v.Value)))];
        Assert.Equal(2, sets.Length);
        Assert.Equal(sets[0], sets[1]);
        Assert.DoesNotMatch("(fill|stroke)=\"", svg);
    }

    private static double[][] OfCpu(string engine)
    {
        var times = Rows(Cpu, "rows").Where(r => r.GetProperty("cell").GetString() == "lstm" && r.GetProperty("steps").GetInt32() == 50 && r.GetProperty("threads").GetInt32() == 1)
            .ToLookup(r => (Hidden: r.GetProperty("hidden").GetInt32(), Batch: r.GetProperty("batch").GetInt32()), r => (Engine: r.GetProperty("engine").GetString(), Us: r.GetProperty("median_us").GetDouble()));
        return [.. from cell in times group cell.Single(t => t.Engine == engine).Us / cell.Single(t => t.Engine == "fastrecurrence").Us by cell.Key.Hidden into g orderby g.Key select g.ToArray()];
    }

    private static double[][] OfGpu() =>
        [.. from r in Rows(Gpu, "records") where r.GetProperty("part").GetString() == "lstm"
            group r.GetProperty("torchDevice").GetProperty("median").GetDouble() / r.GetProperty("host").GetProperty("median").GetDouble() by r.GetProperty("h").GetInt32() into g
            orderby g.Key select g.ToArray()];

    private static List<JsonElement> Rows(string file, string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, file)));
        return [.. document.RootElement.GetProperty(name).EnumerateArray().Select(r => r.Clone())];
    }

    private static IEnumerable<XElement> Elements(string name, string style) =>
        s_picture.Descendants().Where(e => e.Name.LocalName == name && (string?)e.Attribute("class") == style);

    private static double Number(XElement element, string name) => double.Parse((string)element.Attribute(name)!, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^M[\d.]+ ([\d.]+)H")]
    private static partial Regex Height();

    [GeneratedRegex(@"^M[\d.]+ ([\d.]+)h8m-4 0V([\d.]+)m-4 0h8$")]
    private static partial Regex Range();
}
