using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.TestKit.Verification;

/// <summary>sigmoid or tanh over bit-spaced floats, against double.</summary>
internal enum ScannedFunction
{
    Sigmoid,
    Tanh,
}

/// <summary>What a scan found.</summary>
/// <param name="Values">Floats looked at.</param>
/// <param name="WorstUlp">The largest error where the exact result is at least 2⁻¹²⁶, in units of its last place.</param>
/// <param name="WorstAt">Where.</param>
/// <param name="Wrong">Results that no error in the last places explains: NaN from a number, a number from NaN, beyond the limits.</param>
/// <param name="WrongAt">Where the first of them is; NaN when there is none.</param>
internal sealed record ScanResult(long Values, double WorstUlp, float WorstAt, long Wrong, float WrongAt)
{
    /// <summary>Of two disjoint scans; ties go to the first.</summary>
    public ScanResult And(ScanResult other) => new(
        Values + other.Values, Math.Max(WorstUlp, other.WorstUlp), other.WorstUlp > WorstUlp ? other.WorstAt : WorstAt, Wrong + other.Wrong, Wrong > 0 ? WrongAt : other.WrongAt);
}

/// <summary>Evaluates the cells' own activations at one width and checks every result.</summary>
internal abstract class ActivationScan
{
    private const double SmallestNormal = 1.17549435082228750797e-38;

    /// <summary>Evaluated at once; a multiple of every width.</summary>
    private const int Block = 1024;

    /// <summary>The scan at the width of a SIMD backend; null for another backend.</summary>
    public static ActivationScan? Of(string backend) => backend switch
    {
        "scalar" => new Wide<float, ScalarLanes>(),
        "simd-128" => new Wide<Vector128<float>, Vector128Lanes>(),
        "simd-256" => new Wide<Vector256<float>, Vector256Lanes>(),
        "simd-512" => new Wide<Vector512<float>, Vector512Lanes>(),
        "simd-vector" => new Wide<Vector<float>, VectorLanes>(),
        _ => null,
    };

    /// <summary>Checks the floats whose bits are <c>i·every</c> for i from <paramref name="from"/> up to <paramref name="to"/>.</summary>
    public ScanResult Run(ScannedFunction function, long every, long from, long to)
    {
        float[] x = new float[Block], y = new float[Block];
        double worst = 0;
        (float worstAt, float wrongAt, long wrong) = (0, float.NaN, 0);
        for (long start = from; start < to; start += Block)
        {
            int count = (int)Math.Min(Block, to - start);
            for (int i = 0; i < count; i++)
                x[i] = BitConverter.UInt32BitsToSingle((uint)((start + i) * every));
            Evaluate(function, x, y);
            for (int i = 0; i < count; i++)
            {
                double exact = function == ScannedFunction.Sigmoid ? 1 / (1 + Math.Exp(-(double)x[i])) : Math.Tanh(x[i]);
                if (!IsPossible(function, exact, y[i]))
                    (wrongAt, wrong) = (wrong == 0 ? x[i] : wrongAt, wrong + 1);
                else if (Math.Abs(exact) >= SmallestNormal && Ulp(exact, y[i]) is var ulp && ulp > worst)
                    (worst, worstAt) = (ulp, x[i]);
            }
        }

        return new ScanResult(to - from, worst, worstAt, wrong, wrongAt);
    }

    /// <summary>NaN from NaN alone, within the function's limits, and below 2⁻¹²⁶ where the exact result is.</summary>
    private static bool IsPossible(ScannedFunction function, double exact, float actual) =>
        double.IsNaN(exact) || float.IsNaN(actual) ? double.IsNaN(exact) && float.IsNaN(actual)
            : actual <= 1 && actual >= (function == ScannedFunction.Sigmoid ? 0 : -1) && (Math.Abs(exact) >= SmallestNormal || Math.Abs(actual) <= SmallestNormal);

    private static double Ulp(double exact, float actual) => Math.Abs(actual - exact) / Math.ScaleB(1, Math.ILogB(exact) - 23);

    protected abstract void Evaluate(ScannedFunction function, float[] x, float[] y);

    private sealed unsafe class Wide<V, L> : ActivationScan
        where V : struct
        where L : IMemoryLanes<V>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Evaluate(ScannedFunction function, float[] x, float[] y)
        {
            fixed (float* from = x, to = y)
            {
                for (int i = 0; i < Block; i += L.Count)
                {
                    V v = L.Load(from + i);
                    L.Store(function == ScannedFunction.Sigmoid ? Activations<V, L>.Sigmoid(v) : Activations<V, L>.Tanh(v), to + i);
                }
            }
        }
    }
}
