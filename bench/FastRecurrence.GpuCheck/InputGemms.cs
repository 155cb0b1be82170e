using System.Diagnostics;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.GpuCheck;

/// <summary>The ways to compute <c>b + x·W</c>: each within the error that it promises, and its time for all rows of a sequence.</summary>
internal static class InputGemms
{
    /// <summary>False when a way that this device has is wrong.</summary>
    public static bool Verify(GpuBackend backend, Options options, Report report)
    {
        report.Line($"## Right input GEMMs? {backend.Name}");
        report.Line();
        report.Line("Error: largest |difference to double| / (|b| + |x|·|W|). \"Step by step\": bits of single rows against those of all rows at once, which cuBLAS does not promise.");
        report.Line();
        report.Line("| input GEMM | problems | worst error | promised | not repeated | not as step by step | NaN strayed | verdict |");
        report.Line("|---|---|---|---|---|---|---|---|");
        bool right = true;
        foreach (InputGemm gemm in Enum.GetValues<InputGemm>())
        {
            var outcome = new GemmOutcome();
            try
            {
                foreach ((int I, int H, int rows) in Problems(options.Quick))
                    Judge(Playing(backend, gemm), I, H, rows, InputGemmError.Bound(gemm), outcome);
            }
            catch (NotSupportedException e)
            {
                report.Line($"| {gemm} | not here: {e.Message} | | | | | | |");
                continue;
            }

            bool good = outcome is { Unrepeated: 0, Strayed: 0, First: null } && (outcome.Stepped == 0 || gemm == InputGemm.CuBlas);
            right &= good;
            report.Line($"| {gemm} | {outcome.Problems} | {outcome.Worst:0.0e+0} | {InputGemmError.Bound(gemm):0.0e+0} | {outcome.Unrepeated} | {outcome.Stepped} | {outcome.Strayed} | {(good ? "right" : "WRONG" + (outcome.First is null ? "" : " at " + outcome.First))} |");
        }

        report.Line();
        return right;
    }

    /// <summary>All rows of T = 100 steps of an LSTM with I = H.</summary>
    public static void Time(GpuBackend backend, Options options, Stopwatch clock, Report report)
    {
        InputGemm[] ways = Enum.GetValues<InputGemm>();
        report.Line($"## How fast are the input GEMMs? {backend.Name}, LSTM, I = H, T = {Timing.T}");
        report.Line();
        report.Line("TFLOP/s of 8·I·H·N·T, by the host's clock, waiting included, data on the device; medians, one way after another.");
        report.Line();
        report.Line($"| H | N | {string.Join(" | ", ways)} |");
        report.Line($"|---|---|{string.Concat(ways.Select(_ => "---|"))}");
        foreach ((int H, int N) in from H in options.Quick ? (int[])[16] : [256, 512, 1024, 2048] from N in options.Quick ? (int[])[2] : [1, 32, 512] select (H, N))
        {
            if (clock.Elapsed.TotalMinutes > options.Minutes * 0.7)
            {
                report.Line($"| {H} | {N} | out of time |");
                continue;
            }

            report.Line($"| {H} | {N} | {string.Join(" | ", ways.Select(gemm => TeraFlops(Playing(backend, gemm), H, N, options.Quick)))} |");
        }

        report.Line();
    }

    private static string TeraFlops(GpuBackend backend, int H, int N, bool quick)
    {
        LayerShape shape = LayerShape.Lstm(H, H);
        try
        {
            double microseconds = Timing.InputGemm(backend, shape, N, quick ? 3 : 15);
            return $"{8.0 * H * H * N / microseconds / 1e6:0.0}";
        }
        catch (NotSupportedException)
        {
            return "–";
        }
    }

    /// <summary>The emulator plays tensor cores only with a kernel forced.</summary>
    private static GpuBackend Playing(GpuBackend backend, InputGemm gemm) => (backend.DeviceKind == DeviceKind.Emulator ? backend.Force(TiledStep.Family) : backend).With(gemm);

    private static IEnumerable<(int I, int H, int Rows)> Problems(bool quick) =>
        from I in quick ? (int[])[1, 37] : [1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 63, 65, 100, 257, 1000]
        from H in quick ? (int[])[3, 20] : [1, 4, 5, 31, 64, 65, 300]
        from rows in quick ? (int[])[1, 40] : [1, 2, 31, 32, 33, 64, 65, 129, 300]
        select (I, H, rows);

    private static void Judge(GpuBackend backend, int I, int H, int rows, double promised, GemmOutcome outcome)
    {
        var random = new Random(11);
        float[] w = Verification.Uniform(random, H * I), b = Verification.Uniform(random, H), x = Verification.Uniform(random, rows * I);
        // A linear Elman layer without R: h is b + x·W.
        using RecurrentLayer layer = backend.Prepare(new LayerWeights(LayerShape.Elman(I, H, Activation.Linear), w, new float[H * H], b));
        float[] once = Product(layer, rows, x), again = Product(layer, rows, x);
        string id = $"I={I} H={H} rows={rows}";
        outcome.Problems++;
        for (int i = 0; i < once.Length; i++)
        {
            int row = i / H, unit = i % H;
            double sum = b[unit], size = Math.Abs(sum);
            for (int k = 0; k < I; k++)
            {
                double product = (double)x[row * I + k] * w[unit * I + k];
                (sum, size) = (sum + product, size + Math.Abs(product));
            }

            outcome.Add(id, i, Math.Abs(once[i] - sum) / size, promised);
        }

        if (!Verification.Same(once, again))
            outcome.Unrepeated++;
        float[] last = Product(layer, 1, x[^I..]);
        if (!Verification.Same(last, once[^H..]))
            outcome.Stepped++;
        x[^1] = float.NaN;
        float[] spoilt = Product(layer, rows, x);
        if (!Verification.Same(spoilt[..^H], once[..^H]) || !spoilt[^H..].All(float.IsNaN))
            outcome.Strayed++;
    }

    /// <summary>One step from zero.</summary>
    private static float[] Product(RecurrentLayer layer, int rows, float[] x)
    {
        using LayerState state = layer.CreateState(rows);
        var h = new float[rows * layer.Shape.HiddenSize];
        layer.Run(state, 1, x, h);
        return h;
    }

    private sealed class GemmOutcome : Outcome
    {
        public int Stepped;
    }
}
