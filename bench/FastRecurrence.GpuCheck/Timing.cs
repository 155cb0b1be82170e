using System.Diagnostics;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.GpuCheck;

/// <summary>Every kernel over sizes, T = 100, fp32, data resident: microseconds of one step, input GEMM included and as it is hidden or not.</summary>
internal static class Timing
{
    /// <summary>Steps of every timed sequence.</summary>
    public const int T = 100;

    // fp32 LSTM, microseconds a step, of an H200: kernels.md, "GPU kernels". H = 2048 beyond one row: multiply-adds at 67 TFLOP/s + 0.5.
    private static readonly Dictionary<int, double[]> s_floors = new()
    {
        [128] = [0.44, 0.44, 0.44, 0.44, 1.2],
        [256] = [0.52, 0.56, 0.75, 1.2, 3.3],
        [512] = [0.54, 0.75, 1.2, 3.2, 11],
        [1024] = [0.63, 1.3, 3.2, 11, 44],
        [2048] = [3.3, 4.5, 16.5, 64.6, 257],
    };

    private static readonly int[] s_batches = [1, 8, 32, 128, 512];

    /// <summary>The floor of a step; NaN where the table has none.</summary>
    public static double Floor(int H, int N) => s_floors.TryGetValue(H, out double[]? row) && Array.IndexOf(s_batches, N) is >= 0 and int at ? row[at] : double.NaN;

    /// <summary>The sizes that are timed.</summary>
    public static IEnumerable<(int H, int N)> Sizes(bool quick) =>
        from H in quick ? (int[])[16, 128] : [.. s_floors.Keys]
        from N in quick ? (int[])[1, 8] : s_batches
        select (H, N);

    /// <summary>Times all, prints a table, returns the model's choice's time by size.</summary>
    public static Dictionary<(int H, int N), double> Run(GpuBackend backend, Options options, Stopwatch clock, Report report)
    {
        var chosen = new Dictionary<(int, int), double>();
        foreach ((CellKind cell, WeightFormat format, double share) in ((CellKind, WeightFormat, double)[])[(CellKind.Lstm, WeightFormat.Float32, 0.4), (CellKind.Lstm, WeightFormat.Bfloat16, 0.5), (CellKind.Elman, WeightFormat.Float32, 0.6)])
        {
            report.Line($"## How fast? {cell}, weights {format}, {backend.Name}, I = H, T = {T}");
            report.Line();
            report.Line("Microseconds a step: median of sequences by the host's clock, waiting included (device time by marks). Bfloat16 is timed where it is refused, too.");
            report.Line();
            report.Line("| H | N | tile | slice | group | grid | input GEMM | chosen | floor | chosen/floor |");
            report.Line("|---|---|---|---|---|---|---|---|---|---|");
            foreach ((int H, int N) in Sizes(options.Quick))
            {
                if (clock.Elapsed.TotalMinutes > options.Minutes * share)
                {
                    report.Line($"| {H} | {N} | out of time | | | | | | | |");
                    continue;
                }

                LayerShape shape = cell == CellKind.Lstm ? LayerShape.Lstm(H, H) : LayerShape.Elman(H, H);
                var cells = new List<string>();
                KernelFamily best = Choice(backend, shape, format, N).Family;
                double time = double.NaN;
                foreach (KernelFamily kernel in KernelFamily.All)
                {
                    (double host, double device)? measured = Measure(backend.Force(kernel), kernel, shape, format, N, options.Quick);
                    cells.Add(measured is (double h, double d) ? $"{h:0.00} ({d:0.00})" : "–");
                    if (kernel == best && measured is not null)
                        time = measured.Value.host;
                }

                double floor = cell == CellKind.Lstm && format == WeightFormat.Float32 && !backend.IsCpuDevice ? Floor(H, N) : double.NaN;
                if (cell == CellKind.Lstm && format == WeightFormat.Float32)
                    chosen[(H, N)] = time;
                report.Line($"| {H} | {N} | {string.Join(" | ", cells)} | {InputGemm(backend, shape, N, 3):0.00} | {best} {time:0.00} | {Number(floor)} | {Number(time / floor)} |");
            }

            report.Line();
        }

        report.Line("Choices:");
        foreach ((int H, int N) in Sizes(options.Quick))
            report.Line($"- lstm H={H} N={N}: {Choice(backend, LayerShape.Lstm(H, H), WeightFormat.Float32, N)}");
        report.Line();
        return chosen;
    }

    private static KernelChoice Choice(GpuBackend backend, LayerShape shape, WeightFormat format, int N)
    {
        using var layer = new GpuLayer(LayerWeights.Random(shape, 1), backend, format);
        return layer.Choice(N);
    }

    private static (double Host, double Device)? Measure(GpuBackend backend, KernelFamily kernel, LayerShape shape, WeightFormat format, int N, bool quick)
    {
        using var layer = new GpuLayer(LayerWeights.Random(shape, 1), backend, format);
        if (layer.Choice(N).Family != kernel)
            return null;
        using GpuStream stream = backend.CreateStream();
        using LayerState state = layer.CreateState(N, stream);
        using DeviceBuffer x = backend.Allocate((long)T * N * shape.InputSize), y = backend.Allocate((long)T * N * shape.HiddenSize);
        x.CopyFrom(Noise(T * N * shape.InputSize), stream);
        return Median(quick ? 3 : 20, stream, () => layer.Run(state, T, x, y));
    }

    /// <summary>Microseconds of the input GEMM for one step's rows, out of all T·N.</summary>
    public static double InputGemm(GpuBackend backend, LayerShape shape, int N, int repeats)
    {
        using var layer = (GpuLayer)backend.Prepare(LayerWeights.Random(shape, 1));
        using GpuStream stream = backend.CreateStream();
        using LayerState state = layer.CreateState(N, stream);
        using DeviceBuffer x = backend.Allocate((long)T * N * shape.InputSize);
        x.CopyFrom(Noise(T * N * shape.InputSize), stream);
        return Median(repeats, stream, () => layer.RunInputGemm(state, T, x)).Host;
    }

    private static (double Host, double Device) Median(int repeats, GpuStream stream, Action sequence)
    {
        for (int i = 0; i < 2; i++)
            sequence();
        stream.Synchronize();
        double[] host = new double[repeats], device = new double[repeats];
        for (int i = 0; i < repeats; i++)
        {
            using DeviceMark before = stream.Mark();
            long start = Stopwatch.GetTimestamp();
            sequence();
            using DeviceMark after = stream.Mark();
            stream.Synchronize();
            host[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / T;
            device[i] = after.Since(before).TotalMicroseconds / T;
        }

        Array.Sort(host);
        Array.Sort(device);
        return (host[repeats / 2], device[repeats / 2]);
    }

    private static string Number(double value) => double.IsNaN(value) ? "–" : $"{value:0.00}";

    private static float[] Noise(int count)
    {
        var random = new Random(3);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(2 * random.NextDouble() - 1);
        return values;
    }
}
