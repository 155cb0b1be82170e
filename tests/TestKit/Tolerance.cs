using FastRecurrence.Gpu;

namespace FastRecurrence.TestKit;

/// <summary>How far from the double reference a right float32 result may lie; kernels.md, "Numerics".</summary>
internal static class Tolerance
{
    /// <summary>Terms of a sum up to which the plain tolerance holds; beyond it grows as rounding does in a chain, with the square root.</summary>
    private const double PlainTerms = 128;

    /// <summary>For errors as <see cref="Error"/> counts them. Every preactivation of <paramref name="shape"/> is one chain of I + H terms.</summary>
    public static double Of(Backend backend, LayerShape shape) => Of(backend is GpuBackend, shape);

    /// <summary>For a stack: that of its widest layer, and each further layer adds as much, since it inherits its input's error.</summary>
    /// <param name="device">Whether a device or a peer computes, whose activations differ.</param>
    /// <param name="size">The stack.</param>
    public static double Of(bool device, Problems.ProblemSize size) =>
        size.Layers * Enumerable.Range(0, size.Layers).Max(layer => Of(device, size.ShapeOf(layer)));

    private static double Of(bool device, LayerShape shape)
    {
        double terms = (double)shape.InputSize + shape.HiddenSize;
        return (device ? 2e-6 : 1e-6) * Math.Max(1, Math.Sqrt(terms / PlainTerms));
    }

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
