namespace FastRecurrence.Gpu;

/// <summary>How far each <see cref="InputGemm"/> may be from the exact product, computed from the formats that it rounds to.</summary>
internal static class InputGemmError
{
    /// <summary>What float32 sums are held to on every device.</summary>
    private const double Float32 = 2e-6;

    /// <summary>The largest error of <c>b + x·W</c>, as a part of <c>|b| + |x|·|W|</c>.</summary>
    public static double Bound(InputGemm gemm) => gemm switch
    {
        InputGemm.Tf32 => Product(significantBits: 11) + Float32,
        InputGemm.Bfloat16 => Product(significantBits: 8) + Float32,
        _ => Float32,
    };

    /// <summary>The largest relative error of a product whose two factors were each rounded to the nearest number of a format: (1 + u)² − 1.</summary>
    public static double Product(int significantBits)
    {
        double u = Math.ScaleB(1, -significantBits);
        return 2 * u + u * u;
    }
}
