using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Layout;

namespace FastRecurrence.GpuCheck;

/// <summary>Every kernel against the double reference: awkward sizes, two runs bit for bit, a NaN that stays in its row, and the exercise sheet.</summary>
internal static class Verification
{
    private const double Tolerance = 2e-6;

    public static bool Run(GpuBackend backend, Options options, Report report)
    {
        report.Line($"## Right? {backend.Name}, {backend.Description}");
        report.Line();
        report.Line("| kernel | problems | worst error | not repeated | NaN strayed | fallbacks | verdict |");
        report.Line("|---|---|---|---|---|---|---|");
        (KernelFamily Kernel, WeightFormat Format)[] kernels =
            [.. from format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Bfloat16] from kernel in KernelFamily.All where format == WeightFormat.Float32 || kernel != TiledStep.Family select (kernel, format)];
        Outcome[] outcomes = [.. kernels.Select(_ => new Outcome())];
        foreach ((LayerShape shape, int T, int N) in Problems(options.Quick))
        {
            foreach (WeightFormat format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Bfloat16])
            {
                if (format != WeightFormat.Float32 && !KernelTypes.IsDefaultCell(shape))
                    continue;
                var problem = new Problem(shape, format, T, N);
                for (int i = 0; i < kernels.Length; i++)
                {
                    if (kernels[i].Format == format)
                        Judge(backend.Force(kernels[i].Kernel), kernels[i].Kernel, problem, outcomes[i]);
                }
            }
        }

        bool right = true;
        foreach ((Outcome outcome, (KernelFamily kernel, WeightFormat format)) in outcomes.Zip(kernels))
        {
            bool good = outcome is { Problems: > 0, Worst: <= Tolerance, Unrepeated: 0, Strayed: 0 };
            right &= good;
            report.Line($"| {kernel}{(format == WeightFormat.Float32 ? "" : $", {format}")} | {outcome.Problems} | {outcome.Worst:0.0e+0} | {outcome.Unrepeated} | {outcome.Strayed} | {outcome.Fallbacks} | {(good ? "right" : "WRONG at " + outcome.First)} |");
        }

        report.Line();
        foreach (string line in Exercises.Run(backend, ref right))
            report.Line(line);
        report.Line();
        return right;
    }

    private static IEnumerable<(LayerShape Shape, int T, int N)> Problems(bool quick)
    {
        int[] hidden = quick ? [1, 5, 8, 17, 32] : [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 64, 65, 96, 100, 127, 128, 130, 256, 300, 512, 768, 1000, 1024];
        int[] rows = quick ? [1, 5] : [1, 2, 3, 4, 5, 8, 9, 17, 33];
        foreach (int H in hidden)
        {
            // The reference takes H²·N·T steps in double: fewer rows where H is large.
            foreach (int N in rows.Where(n => (long)n * H * H < 10_000_000))
            {
                yield return (LayerShape.Lstm(1 + H % 19, H), 6, N);
                if (N is not (1 or 5))
                    continue;
                yield return (LayerShape.Gru(1 + H % 19, H), 6, N);
                yield return (LayerShape.Gru(1 + H % 19, H, linearBeforeReset: false), 6, N);
                yield return (LayerShape.Lstm(1 + H % 19, H) with { Peepholes = true, Clip = 0.5f, ProjectionSize = H / 2 }, 6, N);
                yield return (LayerShape.Elman(1 + H % 19, H, (H % 4) switch { 0 => Activation.Tanh, 1 => Activation.Relu, 2 => Activation.Sigmoid, _ => Activation.Elu }), 6, N);
            }
        }
    }

    private static void Judge(GpuBackend backend, KernelFamily kernel, Problem p, Outcome outcome)
    {
        (LayerShape shape, int T, int N) = (p.Shape, p.T, p.N);
        using var layer = new GpuLayer(p.Weights, backend, p.Format);
        if (layer.Choice(N).Family != kernel)
            return;
        float[] input = p.Input, start = p.Start, exact = p.Exact, once = Result(layer, start, T, N, input), again = Result(layer, start, T, N, input);
        string id = $"{shape}_t{T}_n{N}";
        outcome.Problems++;
        outcome.Compare(id, exact, once, Tolerance);
        if (!Same(once, again))
            (outcome.Unrepeated, outcome.First) = (outcome.Unrepeated + 1, outcome.First ?? id);
        if (N > 1)
        {
            float[] spoilt = [.. input];
            spoilt[shape.InputSize * (N - 1)] = float.NaN; // x of the last row, first step
            float[] after = Result(layer, start, T, N, spoilt);
            int H = shape.OutputSize;
            for (int i = 0; i < after.Length; i++)
            {
                bool inRow = i / H % N == N - 1;
                if (inRow != float.IsNaN(after[i]))
                {
                    (outcome.Strayed, outcome.First) = (outcome.Strayed + 1, outcome.First ?? id);
                    break;
                }
            }
        }

        outcome.Fallbacks += layer.Fallbacks;
    }

    private static float[] Result(RecurrentLayer layer, float[] start, int T, int N, float[] input)
    {
        using LayerState state = layer.CreateState(N);
        state.SetHidden(start);
        var output = new float[T * N * layer.Shape.OutputSize];
        layer.Run(state, T, input, output);
        return output;
    }

    /// <summary>Bit for bit.</summary>
    public static bool Same(float[] a, float[] b) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(a).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(b));

    /// <summary>Within ±1.</summary>
    public static float[] Uniform(Random random, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(2 * random.NextDouble() - 1);
        return values;
    }

    private static LayerWeights Rounded(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        int rows = shape.GateCount * shape.HiddenSize;
        return new LayerWeights(shape,
            NarrowMatrix.Encode(WeightFormat.Bfloat16, weights.InputWeights, rows, shape.InputSize).Decoded,
            NarrowMatrix.Encode(WeightFormat.Bfloat16, weights.RecurrentWeights, rows, shape.HiddenSize).Decoded, weights.Bias);
    }

    private sealed class Problem
    {
        public Problem(LayerShape shape, WeightFormat format, int T, int N)
        {
            (Shape, Format, this.T, this.N, Weights) = (shape, format, T, N, LayerWeights.Random(shape, 7));
            var random = new Random(1);
            Input = Uniform(random, T * N * shape.InputSize);
            Start = Uniform(random, N * shape.OutputSize);
            using RecurrentLayer judge = Backend.Reference.Prepare(format == WeightFormat.Float32 ? Weights : Rounded(Weights));
            Exact = Result(judge, Start, T, N, Input);
        }

        public LayerShape Shape { get; }

        public WeightFormat Format { get; }

        public int T { get; }

        public int N { get; }

        public LayerWeights Weights { get; }

        public float[] Input { get; }

        public float[] Start { get; }

        public float[] Exact { get; }
    }
}
