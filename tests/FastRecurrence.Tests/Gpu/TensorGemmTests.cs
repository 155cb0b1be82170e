using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>
/// The input GEMM on tensor cores: the kernel runs on the emulator, whose warps play <c>mma.sync</c> with the layout that PTX documents for its
/// fragments. No GPU was asked.
/// </summary>
[Collection("devices")]
public sealed class TensorGemmTests
{
    public static TheoryData<InputGemm, int, int, int> Sizes => new()
    {
        // gemm, I, H, rows; a multiprocessor each, and more groups of 64 rows × 64 columns are too many: 128 × 64 then
        { InputGemm.Tf32, 4, 1, 1 },
        { InputGemm.Tf32, 36, 30, 19 },
        { InputGemm.Tf32, 20, 70, 130 },
        { InputGemm.TripleTf32, 8, 36, 33 },
        { InputGemm.TripleTf32, 40, 7, 70 },
        { InputGemm.Bfloat16, 4, 3, 2 },
        { InputGemm.Bfloat16, 68, 34, 20 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Small_whole_numbers_are_multiplied_exactly(InputGemm gemm, int I, int H, int rows)
    {
        // Up to 7, so that tf32 holds them and float32 every sum: an element in another's place shows.
        var random = new Random(5);
        float[] Whole(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-7, 8))];
        float[] w = Whole(H * I), b = Whole(H), x = Whole(rows * I);
        using GpuLayer layer = Product(w, b, gemm);
        float[] h = Run(layer, x, rows);
        for (int row = 0; row < rows; row++)
        {
            for (int unit = 0; unit < H; unit++)
                Assert.True(h[row * H + unit] == Exact(w, b, x, row, unit).Sum, $"row {row}, unit {unit} is {h[row * H + unit]}, exact {Exact(w, b, x, row, unit).Sum}");
        }
    }

    [Theory]
    [InlineData(InputGemm.Tf32, 1e-5)]
    [InlineData(InputGemm.TripleTf32, 0)]
    [InlineData(InputGemm.Bfloat16, 1e-4)]
    public void The_error_stays_within_what_the_gemm_promises(InputGemm gemm, double least)
    {
        const int I = 72, H = 24, Rows = 9;
        var random = new Random(6);
        float[] w = Problem.Uniform(random, H * I), b = Problem.Uniform(random, H), x = Problem.Uniform(random, Rows * I);
        using GpuLayer layer = Product(w, b, gemm);
        float[] h = Run(layer, x, Rows);
        double worst = 0;
        for (int row = 0; row < Rows; row++)
        {
            for (int unit = 0; unit < H; unit++)
            {
                (double sum, double size) = Exact(w, b, x, row, unit);
                worst = Math.Max(worst, Math.Abs(h[row * H + unit] - sum) / size);
            }
        }

        Assert.InRange(worst, least, InputGemmError.Bound(gemm));
    }

    [Theory]
    [InlineData(InputGemm.Tf32, "9.8e-4")]
    [InlineData(InputGemm.Bfloat16, "7.9e-3")]
    public void Products_of_rounded_factors_reach_the_bound_and_never_pass_it(InputGemm gemm, string told)
    {
        Func<float, float> round = gemm == InputGemm.Tf32 ? TensorCore.Round : x => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(TensorCore.Pair(x, 0)) << 16);
        var random = new Random(9);
        double worst = 0;
        for (int i = 0; i < 100_000; i++)
        {
            // Half of the pairs anywhere; half little above 1, where half a unit in the last place is the largest part of a number.
            float a = Factor(i), b = Factor(i);
            worst = Math.Max(worst, Math.Abs((double)round(a) * round(b) / ((double)a * b) - 1));
        }

        double bound = InputGemmError.Product(gemm == InputGemm.Tf32 ? 11 : 8);
        Assert.InRange(worst, 0.95 * bound, bound);
        Assert.InRange(InputGemmError.Bound(gemm), bound, double.Parse(told, System.Globalization.CultureInfo.InvariantCulture));
        string docs = File.ReadAllText(Path.ChangeExtension(typeof(InputGemm).Assembly.Location, ".xml"));
        Assert.Matches($@"F:FastRecurrence\.Gpu\.InputGemm\.{gemm}""[^/]*at most {told} of", docs);

        float Factor(int i) => (float)((1 + random.NextDouble() * (i % 2 == 0 ? 1 : 0.01)) * (random.Next(2) == 0 ? 1 : -1));
    }

    [Theory]
    [InlineData(InputGemm.Tf32)]
    [InlineData(InputGemm.Bfloat16)]
    public void Single_products_on_the_kernel_reach_the_bound(InputGemm gemm)
    {
        // Factors just below the middle of two numbers of the format are rounded down by almost half a unit in the last place.
        float half = (float)Math.ScaleB(1, gemm == InputGemm.Tf32 ? -11 : -8);
        float[] factors = [.. Enumerable.Range(0, 9).Select(i => 1 + half * (1 - 0.001f * i))];
        float[] w = [.. factors.SelectMany(f => (float[])[f, 0, 0, 0])], x = [.. w.Select(f => -f)];
        using GpuLayer layer = Product(w, new float[9], gemm);
        float[] h = Run(layer, x, 9);
        double worst = 0;
        for (int i = 0; i < h.Length; i++)
            worst = Math.Max(worst, Math.Abs(h[i] / (-(double)factors[i / 9] * factors[i % 9]) - 1));
        Assert.InRange(worst, 0.95 * InputGemmError.Bound(gemm), InputGemmError.Bound(gemm));
    }

    [Fact]
    public void The_difference_that_it_makes_is_measured_and_told()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Elman(4, 4), 1);
        using var layer = (GpuLayer)Emulator().With(InputGemm.Tf32).Prepare(weights);
        Assert.InRange(layer.InputGemmError, 1e-6, 1e-2);
        Assert.Equal((InputGemm.Tf32, WeightFormat.Float32, 0), (layer.InputGemm, layer.Format, layer.FormatError));
        Assert.Contains("x·W by Tf32", layer.Explain(1));
    }

    [Theory]
    [InlineData("lstm", InputGemm.Tf32)]
    [InlineData("gru", InputGemm.TripleTf32)]
    [InlineData("lstm", InputGemm.Bfloat16)]
    public void Single_steps_give_the_bits_of_the_sequence(string cell, InputGemm gemm)
    {
        LayerShape shape = cell == "lstm" ? LayerShape.Lstm(20, 9) : LayerShape.Gru(20, 9);
        var p = new Problem(shape, T: 23, N: 3);
        using var layer = new GpuLayer(p.Weights, Emulator().With(gemm));
        using LayerState whole = layer.CreateState(3), steps = layer.CreateState(3);
        float[] expected = new float[23 * 3 * 9], actual = new float[expected.Length];
        layer.Run(whole, 23, p.Input, expected); // 69 rows: more than one tile
        for (int t = 0; t < 23; t++)
            layer.Run(steps, 1, p.Input.AsSpan(t * 60, 60), actual.AsSpan(t * 27, 27));
        BackendContract.AssertSameBits(p, "step by step", expected, actual);

        using RecurrentLayer reference = Backend.Reference.Prepare(p.Weights);
        using LayerState referenceState = reference.CreateState(3);
        float[] exact = new float[expected.Length];
        reference.Run(referenceState, 23, p.Input, exact);
        double error = expected.Zip(exact, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.InRange(error, 0, gemm switch { InputGemm.Tf32 => 5e-3, InputGemm.Bfloat16 => 2e-2, _ => 5e-6 });
    }

    [Fact]
    public void A_NaN_stays_in_its_row()
    {
        const int I = 20, H = 12, Rows = 20;
        var random = new Random(7);
        float[] x = Problem.Uniform(random, Rows * I);
        x[9 * I + 3] = float.NaN;
        foreach (InputGemm gemm in InputGemmFamily.OnTensorCores)
        {
            using GpuLayer layer = Product(Problem.Uniform(random, H * I), new float[H], gemm);
            float[] h = Run(layer, x, Rows);
            for (int i = 0; i < h.Length; i++)
                Assert.Equal(i / H == 9, float.IsNaN(h[i]));
        }
    }

    [Theory]
    [InlineData(0x3F800FFFu, 0x3F800000u)] // below half of the last place
    [InlineData(0x3F801000u, 0x3F802000u)] // a tie goes away from zero
    [InlineData(0xBF801000u, 0xBF802000u)]
    [InlineData(0x3FFFF000u, 0x40000000u)] // into the next power of two
    [InlineData(0x7F800000u, 0x7F800000u)]
    [InlineData(0x00000FFFu, 0x00000000u)]
    [InlineData(0x80000000u, 0x80000000u)]
    public void Rounds_to_the_nearest_tf32(uint x, uint expected) =>
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(TensorCore.Round(BitConverter.UInt32BitsToSingle(x))));

    [Fact]
    public void A_NaN_without_upper_bits_is_not_rounded_to_a_number() =>
        Assert.True(float.IsNaN(TensorCore.Round(BitConverter.UInt32BitsToSingle(0x7FFFFFFF))));

    [Theory]
    [InlineData(1f, 2f, 0x40003F80u)]
    [InlineData(1.00390625f, -1.01171875f, 0xBF823F80u)] // ties: down, and up to even
    [InlineData(0f, float.NegativeInfinity, 0xFF800000u)]
    public void Pairs_are_rounded_to_the_nearest_bfloat16_the_first_below(float first, float second, uint expected) =>
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(TensorCore.Pair(first, second)));

    [Fact]
    public void Both_halves_of_a_pair_keep_a_NaN()
    {
        uint bits = BitConverter.SingleToUInt32Bits(TensorCore.Pair(BitConverter.UInt32BitsToSingle(0x7F800001), BitConverter.UInt32BitsToSingle(0xFFFFFFFF)));
        Assert.True(float.IsNaN(BitConverter.UInt32BitsToSingle(bits << 16)) && float.IsNaN(BitConverter.UInt32BitsToSingle(bits & 0xFFFF0000)));
    }

    [Fact]
    public void What_cannot_be_had_is_refused_with_the_reason()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(4, 4), 1);
        GpuBackend emulator = Named.Gpu("ilgpu-cpu");
        Assert.Contains("I = 3 is not a multiple of 4", Refused(Emulator().With(InputGemm.TripleTf32), LayerWeights.Random(LayerShape.Lstm(3, 4), 1)));
        Assert.Contains("the emulator has no tensor cores", Refused(emulator.With(InputGemm.Tf32), weights));
        Assert.Contains("CUDA alone", Refused(Emulator().With(InputGemm.CuBlas), weights));
        Assert.Contains("no input", Refused(Emulator().With(InputGemm.TripleTf32), LayerWeights.Random(LayerShape.Lstm(0, 4), 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => emulator.With((InputGemm)9));
        using (var plain = (GpuLayer)emulator.With(InputGemm.Tf32).With(InputGemm.Float32).Prepare(weights))
            Assert.Equal((InputGemm.Float32, 0), (plain.InputGemm, plain.InputGemmError));

        Assert.Null(GpuBackend.Refuse(DeviceTraits.H100, weights.Shape, InputGemm.Bfloat16, forced: false));
        Assert.Null(GpuBackend.Refuse(DeviceTraits.H100 with { HasTensorCores = false }, weights.Shape, InputGemm.CuBlas, forced: false));
        Assert.Contains("8.0", GpuBackend.Refuse(DeviceTraits.H100 with { HasTensorCores = false }, weights.Shape, InputGemm.Tf32, forced: true));
        Assert.Contains("CUDA alone", GpuBackend.Refuse(DeviceTraits.H100 with { Kind = DeviceKind.OpenCl }, weights.Shape, InputGemm.Tf32, forced: true));

        GpuBackend cuda = Named.Gpu("cuda:0"), openCl = Named.Gpu("opencl:0");
        if (!cuda.IsAvailable)
            Assert.Throws<BackendUnavailableException>(() => cuda.With(InputGemm.Tf32).Prepare(weights));
        if (openCl.IsAvailable)
        {
            foreach (InputGemm gemm in Enum.GetValues<InputGemm>().Where(g => g is not (InputGemm.Automatic or InputGemm.Float32)))
                Assert.Contains("CUDA alone", Refused(openCl.Force(SplitKStep.Family).With(gemm), weights));
        }
    }

    [Theory]
    [InlineData(3, 5, 8)]
    [InlineData(1, 1, 4)]
    [InlineData(7, 2, 12)]
    public void Sgemm_is_called_so_that_row_major_matrices_are_multiplied(int rows, int I, int columns)
    {
        // What BLAS defines, C += A·B with columns one after another, on the numbers that cuBLAS is given.
        var random = new Random(8);
        float[] x = Problem.Uniform(random, rows * I), w = Problem.Uniform(random, I * columns), sums = new float[rows * columns];
        var call = CuBlasGemm.ColumnMajor.Of(rows, I, columns);
        for (int i = 0; i < call.M; i++)
        {
            for (int j = 0; j < call.N; j++)
            {
                for (int k = 0; k < call.K; k++)
                    sums[i + j * call.Ldc] += w[i + k * call.Lda] * x[k + j * call.Ldb];
            }
        }

        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
                Assert.Equal(Enumerable.Range(0, I).Sum(k => (double)x[row * I + k] * w[k * columns + column]), sums[row * columns + column], 1e-5);
        }
    }

    private static string Refused(GpuBackend backend, LayerWeights weights) =>
        Assert.Throws<NotSupportedException>(() => backend.Prepare(weights)).Message;

    /// <summary>A layer whose h is b + x·W.</summary>
    private static GpuLayer Product(float[] w, float[] b, InputGemm gemm)
    {
        LayerShape shape = LayerShape.Elman(w.Length / b.Length, b.Length, Activation.Linear);
        return new GpuLayer(new LayerWeights(shape, w, new float[b.Length * b.Length], b), Emulator().With(gemm)); // unlike Prepare, without measuring the gemm: slow here
    }

    private static float[] Run(GpuLayer layer, float[] x, int rows)
    {
        using LayerState state = layer.CreateState(rows);
        var h = new float[rows * layer.Shape.HiddenSize];
        layer.Run(state, 1, x, h);
        return h;
    }

    private static (double Sum, double Size) Exact(float[] w, float[] b, float[] x, int row, int unit)
    {
        int I = w.Length / b.Length;
        double sum = b[unit], size = Math.Abs(sum);
        for (int k = 0; k < I; k++)
        {
            double product = (double)x[row * I + k] * w[unit * I + k];
            (sum, size) = (sum + product, size + Math.Abs(product));
        }

        return (sum, size);
    }

    private static GpuBackend Emulator() => Named.Gpu("ilgpu-cpu").Force(TiledStep.Family);
}
