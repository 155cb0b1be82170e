using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;
using FastRecurrence.Layout;

namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>
/// Every kernel against the double reference: awkward sizes, two runs bit for bit, a NaN that stays in its row, and the exercise sheet. References are
/// computed on all processors, once for all kernels.
/// </summary>
internal static class KernelVerification
{
    /// <summary>Steps of every problem.</summary>
    private const int T = 6;

    private const double Tolerance = 2e-6;

    public static void Run(Visit visit)
    {
        var exercises = new Outcome();
        foreach ((string name, double error) in Exercises.Run(visit.Backend))
        {
            exercises.Problems++;
            exercises.Add($"exercise {name}", 0, error, Exercises.Tolerance);
        }

        visit.Journal.Add(visit.Record() with { Family = "exercises", Verification = exercises.Result(Exercises.Tolerance, wasCut: false) });
        var kernels = (from format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Bfloat16]
                       from kernel in KernelFamily.All
                       where Runs(visit.Backend, kernel, format)
                       select (Kernel: kernel, Format: format, Outcome: new Outcome())).ToArray();
        var problems = Ahead.Mixed(from problem in Problems(visit.Options.Quick)
                                   from format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Bfloat16]
                                   where format == WeightFormat.Float32 || KernelTypes.IsDefaultCell(problem.Shape)
                                   select (problem.Shape, Format: format, problem.N));
        int done = 0;
        foreach (Problem problem in Ahead.Of(problems, p => new Problem(p.Shape, p.Format, p.N)))
        {
            if (visit.IsOver)
                break;
            foreach ((KernelFamily kernel, _, Outcome outcome) in kernels.Where(k => k.Format == problem.Format))
                Judge(visit.Backend.Force(kernel), kernel, problem, outcome);
            done++;
        }

        foreach ((KernelFamily kernel, WeightFormat format, Outcome outcome) in kernels)
        {
            visit.Journal.Add(visit.Record(format: format) with
            {
                Family = kernel.ShortName,
                Fallbacks = outcome.Fallbacks,
                Verification = outcome.Result(Tolerance, wasCut: done < problems.Length),
                Note = outcome.Problems > 0 ? null : "it ran none of the problems",
            });
        }

        visit.NotReached([.. problems[done..].GroupBy(p => p.Shape.HiddenSize).OrderBy(g => g.Key).Select(g => $"{g.Count()} problems with H = {g.Key}")]);
    }

    /// <summary>Whether the device runs the kernel at all in a format: it takes an ordinary layer.</summary>
    private static bool Runs(GpuBackend backend, KernelFamily kernel, WeightFormat format) =>
        kernel.Refuse(new KernelProblem(backend.Device.Traits, LayerShape.Lstm(64, 64), format, 8) { Forced = new ForcedKernel(kernel) }) is null;

    private static IEnumerable<(LayerShape Shape, int N)> Problems(bool quick)
    {
        int[] hidden = quick ? [1, 5, 8, 17, 32]
            : [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 64, 65, 96, 100, 127, 128, 130, 256, 300, 512, 768, 1000, 1024];
        int[] rows = quick ? [1, 5] : [1, 2, 3, 4, 5, 8, 9, 17, 33];
        foreach (int H in hidden)
        {
            // The reference takes H²·N·T steps in double: fewer rows where H is large.
            foreach (int N in rows.Where(n => (long)n * H * H < 10_000_000))
            {
                int I = 1 + H % 19;
                yield return (LayerShape.Lstm(I, H), N);
                if (N is not (1 or 5))
                    continue;
                yield return (LayerShape.Gru(I, H), N);
                yield return (LayerShape.Gru(I, H, linearBeforeReset: false), N);
                yield return (LayerShape.Lstm(I, H) with { Peepholes = true, Clip = 0.5f, ProjectionSize = H / 2 }, N);
                Activation activation = (H % 4) switch { 0 => Activation.Tanh, 1 => Activation.Relu, 2 => Activation.Sigmoid, _ => Activation.Elu };
                yield return (LayerShape.Elman(I, H, activation), N);
            }
        }
    }

    private static void Judge(GpuBackend backend, KernelFamily kernel, Problem p, Outcome outcome)
    {
        using var layer = new GpuLayer(p.Weights, backend, p.Format);
        if (layer.Choice(p.N).Family != kernel)
            return;
        float[] once = p.Run(layer, p.Input), again = p.Run(layer, p.Input);
        outcome.Problems++;
        outcome.Compare(p.Name, p.Exact, once, Tolerance);
        if (!Bits.AreSame(once, again))
            outcome.Note(ref outcome.Unrepeated, p.Name);
        if (p.N > 1)
        {
            float[] spoilt = [.. p.Input];
            spoilt[p.Shape.InputSize * (p.N - 1)] = float.NaN; // x of the last row, first step
            float[] after = p.Run(layer, spoilt);
            for (int i = 0; i < after.Length; i++)
            {
                bool inRow = i / p.Shape.OutputSize % p.N == p.N - 1;
                if (inRow != float.IsNaN(after[i]))
                {
                    outcome.Note(ref outcome.Strayed, $"{p.Name} after NaN [{i}]");
                    break;
                }
            }
        }

        outcome.Fallbacks += layer.Fallbacks;
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
        private readonly float[] _start;

        public Problem(LayerShape shape, WeightFormat format, int N)
        {
            (Shape, Format, this.N, Weights) = (shape, format, N, LayerWeights.Random(shape, 7));
            Name = $"{shape}_t{T}_n{N}{(format == WeightFormat.Float32 ? "" : $"_{format}")}";
            var random = new Random(1);
            Input = Noise.Uniform(random, T * N * shape.InputSize);
            _start = Noise.Uniform(random, N * shape.OutputSize);
            using RecurrentLayer judge = Backend.Reference.Prepare(format == WeightFormat.Float32 ? Weights : Rounded(Weights));
            Exact = Run(judge, Input);
        }

        public string Name { get; }

        public LayerShape Shape { get; }

        public WeightFormat Format { get; }

        public int N { get; }

        public LayerWeights Weights { get; }

        public float[] Input { get; }

        public float[] Exact { get; }

        /// <summary>From the start.</summary>
        public float[] Run(RecurrentLayer layer, float[] input)
        {
            using LayerState state = layer.CreateState(N);
            state.SetHidden(_start);
            var output = new float[T * N * Shape.OutputSize];
            layer.Run(state, T, input, output);
            return output;
        }
    }
}
