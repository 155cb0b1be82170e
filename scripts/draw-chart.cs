#!/usr/bin/env dotnet
// Draws docs/measured.svg, the README's chart, from two committed runs: dotnet run scripts/draw-chart.cs
// A bar is the geometric mean, over the batch sizes, of a peer's time over this library's; its line goes from the least to the most.
// ReadmeChartTests computes the same numbers again and holds the picture to them.
using System.Text;
using System.Text.Json;

const string CpuFile = "bench/results/epyc-zen5-2core/peers.json", GpuFile = "bench/results/h100/gpu-check.json", Picture = "docs/measured.svg";
const int Top = 62, Bottom = 282;  // of the plots
const double Highest = 5;          // times as fast

JsonElement[] cpu = Rows(CpuFile, "rows", r => r.GetProperty("cell").GetString() == "lstm" && Int(r, "steps") == 50 && Int(r, "threads") == 1);
JsonElement[] gpu = Rows(GpuFile, "records", r => r.GetProperty("part").GetString() == "lstm" && r.GetProperty("format").GetString() == "Float32");

Group[] onnx = Cpu("onnxruntime"), torch = Cpu("torch");
Group[] cudnn = Groups(gpu.Select(r => (Int(r, "h"), r.GetProperty("torchDevice").GetProperty("median").GetDouble() / r.GetProperty("host").GetProperty("median").GetDouble())));

var svg = new StringBuilder();
Add($$"""
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 348" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13">
      <title id="title">LSTM layers: how many times as fast as other libraries</title>
      <desc id="desc">On the CPU over ONNX Runtime: {{Words(onnx)}}; over PyTorch: {{Words(torch)}}. On the GPU over PyTorch with cuDNN: {{Words(cudnn)}}.</desc>
      <!-- drawn by scripts/draw-chart.cs from {{CpuFile}} and {{GpuFile}} -->
      <style>
        :root { --line: #afb8c1; --text: #1f2328; --soft: #57606a; --on: #ffffff; --a: #bc4c00; --b: #0969da; --c: #1a7f37; }
        @media (prefers-color-scheme: dark) { :root { --line: #4c535b; --text: #f0f6fc; --soft: #9198a1; --on: #0d1117; --a: #f0883e; --b: #4493f8; --c: #3fb950; } }
        text { fill: var(--text); text-anchor: middle }
        .head { font-size: 14px; font-weight: 600 } .soft { fill: var(--soft); font-size: 12px } .left { text-anchor: start } .right { text-anchor: end }
        .grid { stroke: var(--line); stroke-width: .6 } .even { stroke: var(--text); stroke-width: 1.2; stroke-dasharray: 5 4 }
        .range { stroke: var(--text); stroke-width: 1.4; fill: none }
        .value { fill: var(--on); font-weight: 600 }
        .a { fill: var(--a) } .b { fill: var(--b) } .c { fill: var(--c) }
      </style>

    """);
Panel(40, 540, "CPU: one thread, T = 50, N from 1 to 256", [("a", "over ONNX Runtime", onnx), ("b", "over PyTorch", torch)]);
Panel(610, 910, "NVIDIA H100: T = 100, N from 1 to 512", [("c", "over PyTorch with cuDNN, in a CUDA graph", cudnn)]);
svg.Append("</svg>\n");
File.WriteAllText(Picture, svg.ToString());
Console.WriteLine($"wrote {Picture}");

void Add(FormattableString text) => svg.Append(FormattableString.Invariant(text));

Group[] Cpu(string engine)
{
    Dictionary<(int, int), double> Times(string name) =>
        cpu.Where(r => r.GetProperty("engine").GetString() == name).ToDictionary(r => (Int(r, "hidden"), Int(r, "batch")), r => r.GetProperty("median_us").GetDouble());
    Dictionary<(int, int), double> ours = Times("fastrecurrence");
    return Groups(Times(engine).Select(t => (t.Key.Item1, t.Value / ours[t.Key])));
}

static Group[] Groups(IEnumerable<(int H, double Ratio)> ratios) =>
    [.. from r in ratios group r.Ratio by r.H into g orderby g.Key select new Group(g.Key, Math.Exp(g.Average(Math.Log)), g.Min(), g.Max())];

static string Words(Group[] groups) => string.Join(", ", groups.Select(g => FormattableString.Invariant($"H = {g.Hidden}: {g.Mean:F2} ({g.Least:F2} to {g.Most:F2})")));

void Panel(int left, int right, string head, (string Class, string Name, Group[] Groups)[] series)
{
    Add($"  <text class=\"head left\" x=\"{left - 8}\" y=\"18\">{head}</text>\n");
    int key = left - 8;
    foreach ((string style, string name, _) in series)
    {
        Add($"  <rect class=\"{style}\" x=\"{key}\" y=\"31\" width=\"12\" height=\"12\" rx=\"2\"/><text class=\"soft left\" x=\"{key + 18}\" y=\"42\">{name}</text>\n");
        key += 34 + 7 * name.Length;
    }

    for (int times = 0; times <= Highest; times++)
        Add($"  <path class=\"grid\" d=\"M{left} {Y(times)}H{right}\"/><text class=\"soft right\" x=\"{left - 8}\" y=\"{Y(times) + 4}\">{times}×</text>\n");
    double room = (double)(right - left) / series[0].Groups.Length, width = Math.Min(44, room * 0.8 / series.Length);
    for (int g = 0; g < series[0].Groups.Length; g++)
    {
        double middle = left + room * (g + 0.5);
        for (int s = 0; s < series.Length; s++)
        {
            Group group = series[s].Groups[g];
            double x = middle + width * (s - 0.5 * series.Length), centre = x + width / 2;
            Add($"  <rect class=\"{series[s].Class}\" x=\"{x + 2:0.#}\" y=\"{Y(group.Mean):0.#}\" width=\"{width - 4:0.#}\" height=\"{Bottom - Y(group.Mean):0.#}\"/>");
            Add($"<path class=\"range\" d=\"M{centre - 4:0.#} {Y(group.Most):0.#}h8m-4 0V{Y(group.Least):0.#}m-4 0h8\"/>");
            Add($"<text class=\"value\" x=\"{centre:0.#}\" y=\"{Bottom - 8}\">{group.Mean:F2}</text>\n");
        }

        Add($"  <text x=\"{middle:0.#}\" y=\"{Bottom + 20}\">{(g == 0 ? "H = " : "")}{series[0].Groups[g].Hidden}</text>\n");
    }

    Add($"  <path class=\"even\" d=\"M{left} {Y(1)}H{right}\"/>\n");
    if (left < 100)
        Add($"  <text class=\"soft left\" x=\"{left - 8}\" y=\"{Bottom + 50}\">Float32 LSTM layers, I = H. Bars: geometric means over five batch sizes; lines: from the least to the most. 1×: as fast as the other.</text>\n");
}

static double Y(double times) => Bottom - (Bottom - Top) * times / Highest;

static int Int(JsonElement row, string name) => row.GetProperty(name).GetInt32();

static JsonElement[] Rows(string file, string name, Func<JsonElement, bool> which)
{
    using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
    return [.. document.RootElement.GetProperty(name).EnumerateArray().Where(which).Select(r => r.Clone())];
}

internal sealed record Group(int Hidden, double Mean, double Least, double Most);
