using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// The one list of SIMD implementations, iterated by dispatch, tests, the tool and the benches. Every width runs
/// everywhere, with the same bits: a width that the processor lacks is emulated by narrower registers and slow.
/// </summary>
internal static class IsaDispatch
{
    /// <summary>Forces the choice: a width's name, with or without <c>simd-</c>.</summary>
    public const string Variable = "FASTRECURRENCE_SIMD";

    /// <summary>
    /// What a user must know where the instruction is missing. Such a process is either on an old or emulated processor, or compiled ahead of time for
    /// one; which of the two cannot be seen from inside, so both ways out are named.
    /// </summary>
    private static string SlowFma => SoftwareFma.HasInstruction ? ""
        : "; no fused multiply-add instruction in this process (an old processor, or Native AOT without IlcInstructionSet): "
            + "the same bits in software, many times slower";

    public static Backend[] Widths { get; } =
    [
        new CpuBackend<float, ScalarLanes>("scalar", "the SIMD kernels at width 1, with scalar fused multiply-add" + SlowFma),
        new CpuBackend<Vector128<float>, Vector128Lanes>("simd-128", Describe(128, Vector128.IsHardwareAccelerated)),
        new CpuBackend<Vector256<float>, Vector256Lanes>("simd-256", Describe(256, Vector256.IsHardwareAccelerated)),
        new CpuBackend<Vector512<float>, Vector512Lanes>("simd-512", Describe(512, Vector512.IsHardwareAccelerated)),
        new CpuBackend<Vector<float>, VectorLanes>("simd-vector", string.Create(CultureInfo.InvariantCulture,
            $"System.Numerics.Vector<float>, {Vector<float>.Count * 32} bits in this process{SlowFma}")),
    ];

    /// <summary>
    /// The widest accelerated one, or the forced one. Without a fused multiply-add instruction too: simd-128, whose lanes share the work of the
    /// replacement, is then the fastest by far. Vector&lt;float&gt; is 256 bits wide on a machine with 512: it is never the fastest.
    /// </summary>
    public static Backend Choose() => Choose(Environment.GetEnvironmentVariable(Variable));

    internal static Backend Choose(string? forced)
    {
        if (string.IsNullOrEmpty(forced))
        {
            return Find(Vector512.IsHardwareAccelerated ? "simd-512"
                : Vector256.IsHardwareAccelerated ? "simd-256"
                : Vector128.IsHardwareAccelerated ? "simd-128"
                : "scalar")!;
        }

        return Find(forced) ?? Find("simd-" + forced) ?? new UnavailableBackend("simd",
            $"{Variable}={forced} names no width; use one of {string.Join(", ", Widths.Select(r => r.Name))}, or unset it.");
    }

    private static Backend? Find(string name) => Array.Find(Widths, r => string.Equals(r.Name, name, StringComparison.OrdinalIgnoreCase));

    private static string Describe(int bits, bool accelerated) => string.Create(CultureInfo.InvariantCulture,
        $"fused kernels over {bits}-bit vectors{(accelerated ? "" : ", emulated here: correct, not fast")}{SlowFma}");
}
