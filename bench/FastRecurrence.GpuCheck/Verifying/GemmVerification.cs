using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;

namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>
/// The ways to compute b + x·W: each within the error that it promises, as a part of |b| + |x|·|W|. Differing: bits of a single row against those of all
/// rows at once, which cuBLAS does not promise.
/// </summary>
internal static class GemmVerification
{
    public static void Run(Visit visit)
    {
        var ways = new Dictionary<InputGemm, Outcome>();
        foreach (InputGemm way in Enum.GetValues<InputGemm>())
        {
            if (Missing(visit.Backend, way) is string reason)
                visit.Journal.Say($"{visit.Part}: {way} is not here: {reason}");
            else
                ways.Add(way, new Outcome());
        }

        bool quick = visit.Options.Quick;
        var problems = Ahead.Mixed(from I in quick ? (int[])[1, 37] : [1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 63, 65, 100, 257, 1000]
                                   from H in quick ? (int[])[3, 20] : [1, 4, 5, 31, 64, 65, 300]
                                   from rows in quick ? (int[])[1, 40] : [1, 2, 31, 32, 33, 64, 65, 129, 300]
                                   select (I, H, Rows: rows));
        int done = 0;
        foreach (Problem problem in Ahead.Of(problems, p => new Problem(p.I, p.H, p.Rows)))
        {
            if (visit.IsOver)
                break;
            foreach ((InputGemm way, Outcome outcome) in ways)
                Judge(GemmTiming.Playing(visit.Backend, way), problem, way, outcome);
            done++;
        }

        foreach ((InputGemm way, Outcome outcome) in ways)
        {
            visit.Journal.Add(visit.Record() with
            {
                Family = way.ToString(),
                Verification = outcome.Result(InputGemmError.Bound(way), wasCut: done < problems.Length) with { Differing = outcome.Differing },
            });
        }

        visit.NotReached([.. problems[done..].GroupBy(p => p.I).OrderBy(g => g.Key).Select(g => $"{g.Count()} problems with I = {g.Key}")]);
    }

    /// <summary>Why a device does not have a way; null where it has.</summary>
    private static string? Missing(GpuBackend backend, InputGemm way)
    {
        try
        {
            GemmTiming.Playing(backend, way).Prepare(LayerWeights.Random(LayerShape.Elman(4, 4), 1)).Dispose();
            return null;
        }
        catch (NotSupportedException e)
        {
            return e.Message;
        }
    }

    private static void Judge(GpuBackend backend, Problem p, InputGemm way, Outcome outcome)
    {
        using RecurrentLayer layer = backend.Prepare(p.Weights);
        float[] once = Product(layer, p.Rows, p.Input);
        outcome.Problems++;
        for (int i = 0; i < once.Length; i++)
            outcome.Add(p.Name, i, Math.Abs(once[i] - p.Exact[i]) / p.Size[i], InputGemmError.Bound(way));
        if (!Bits.AreSame(once, Product(layer, p.Rows, p.Input)))
            outcome.Note(ref outcome.Unrepeated, p.Name);
        if (way != InputGemm.CuBlas && !Bits.AreSame(Product(layer, 1, p.Input[^p.I..]), once.AsSpan(once.Length - p.H)))
            outcome.Note(ref outcome.Differing, p.Name);
        float[] spoilt = [.. p.Input];
        spoilt[^1] = float.NaN;
        float[] after = Product(layer, p.Rows, spoilt);
        if (!Bits.AreSame(after.AsSpan(..^p.H), once.AsSpan(..^p.H)) || !after[^p.H..].All(float.IsNaN))
            outcome.Note(ref outcome.Strayed, p.Name);
    }

    /// <summary>One step from zero.</summary>
    private static float[] Product(RecurrentLayer layer, int rows, float[] x)
    {
        using LayerState state = layer.CreateState(rows);
        var h = new float[rows * layer.Shape.HiddenSize];
        layer.Run(state, 1, x, h);
        return h;
    }

    private sealed class Problem
    {
        public Problem(int I, int H, int rows)
        {
            (this.I, this.H, Rows, Name) = (I, H, rows, $"I={I} H={H} rows={rows}");
            var random = new Random(11);
            float[] w = Noise.Uniform(random, H * I), b = Noise.Uniform(random, H);
            Input = Noise.Uniform(random, rows * I);
            // A linear Elman layer without R: h is b + x·W.
            Weights = new LayerWeights(LayerShape.Elman(I, H, Activation.Linear), w, new float[H * H], b);
            (Exact, Size) = (new double[rows * H], new double[rows * H]);
            for (int i = 0; i < Exact.Length; i++)
            {
                int row = i / H, unit = i % H;
                double sum = b[unit], size = Math.Abs(sum);
                for (int k = 0; k < I; k++)
                {
                    double product = (double)Input[row * I + k] * w[unit * I + k];
                    (sum, size) = (sum + product, size + Math.Abs(product));
                }

                (Exact[i], Size[i]) = (sum, size);
            }
        }

        public int I { get; }

        public int H { get; }

        public int Rows { get; }

        public string Name { get; }

        public LayerWeights Weights { get; }

        public float[] Input { get; }

        public double[] Exact { get; }

        /// <summary>|b| + |x|·|W|.</summary>
        public double[] Size { get; }
    }
}
