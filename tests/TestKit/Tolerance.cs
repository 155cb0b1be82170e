using FastRecurrence.Gpu;

namespace FastRecurrence.TestKit;

/// <summary>
/// The one table of tolerances: how far from the double reference a right result may lie. Errors count as <see cref="Error"/> has them.
/// Tests, the tool and gpu-check ask here, and docs/numerics.md says the same in words.
/// </summary>
internal static class Tolerance
{
    /// <summary>Standard deviations of a case's own rounding, see <see cref="Rounding"/>, that a right result stays within.</summary>
    private const double Deviations = 5;

    /// <summary>A device may contract, reorder and approximate what the CPU does in one fixed order.</summary>
    private const double DeviceFactor = 2;

    /// <summary>What is promised in any case: two units in the last place of 1.</summary>
    private const double Least = 2.4e-7;

    /// <summary>ONNX Runtime and PyTorch approximate their activations more coarsely.</summary>
    public const double PeerFloor = 1e-5;

    /// <summary>The exercise sheet: the reference computes it in double, everybody else in float32, with small weights.</summary>
    public const double SheetInDouble = 1e-12, Sheet = 1e-6;

    /// <summary>What layers of PyTorch's initial weights and inputs within ±1 stay below, up to 128 terms: the sentence of the README, and a cap in tests of such layers.</summary>
    public const double Common = 1e-6;

    /// <summary><see cref="Common"/>, for a device twice as much.</summary>
    public static double CommonOf(Backend backend) => backend is GpuBackend ? DeviceFactor * Common : Common;

    /// <summary>Of a result that this backend computed.</summary>
    public static double Of(Backend backend, double deviation) => Of(backend is GpuBackend, deviation);

    /// <summary>Of a case whose own rounding has this deviation.</summary>
    /// <param name="device">Whether a device computes.</param>
    /// <param name="deviation">As <see cref="Rounding.Worst"/> has it.</param>
    public static double Of(bool device, double deviation) => (device ? DeviceFactor : 1) * Math.Max(Least, Deviations * deviation);

    /// <summary>What rounding the weights may move h by, over sums of some 128 terms, for each layer.</summary>
    public static double OfFormat(WeightFormat format) => format switch { WeightFormat.Bfloat16 => 1e-2, WeightFormat.Int8 => 3e-2, _ => 0 };

    /// <summary>Absolute for magnitudes up to 1, relative beyond; infinite where only one of the two is NaN.</summary>
    public static double Error(double exact, double actual)
    {
        if (double.IsNaN(exact) || double.IsNaN(actual))
            return double.IsNaN(exact) && double.IsNaN(actual) ? 0 : double.PositiveInfinity;
        return exact == actual ? 0 : Math.Abs(exact - actual) / Math.Max(1, Math.Abs(exact));
    }

    /// <summary>The error in units of the last place of the exact result as a float, none smaller than that of 2⁻¹²⁶.</summary>
    public static double Ulp(double exact, double actual)
    {
        if (exact == actual || (double.IsNaN(exact) && double.IsNaN(actual)))
            return 0;
        int exponent = Math.Clamp(Math.ILogB(Math.Abs(exact)), -126, 127);
        return Math.Abs(exact - actual) / Math.ScaleB(1, exponent - 23);
    }
}
