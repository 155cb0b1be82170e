using System.Globalization;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>Numbers with sizes, in double, as files and results are compared.</summary>
internal sealed record NumberTensor(int[] Shape, double[] Values)
{
    public string ShapeText => TensorInfo.Text(Shape);

    public float[] ToFloats() => Array.ConvertAll(Values, v => (float)v);

    public static NumberTensor Of(int[] shape, ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        return new NumberTensor(shape, wide);
    }

    /// <summary><c>[A, B, features]</c> to <c>[B, A, features]</c>: between time-major and batch-major.</summary>
    public static double[] SwapOuter(double[] values, int a, int b, int features)
    {
        var swapped = new double[values.Length];
        for (int i = 0; i < a; i++)
        {
            for (int j = 0; j < b; j++)
                Array.Copy(values, (i * b + j) * features, swapped, (j * a + i) * features, features);
        }

        return swapped;
    }

    /// <summary>The largest difference to <paramref name="exact"/>; infinite where NaN or infinities disagree.</summary>
    /// <param name="exact">What is right, of the same shape.</param>
    /// <param name="relative">Whether differences count in units of max(1, |exact|).</param>
    /// <param name="at">The index of the largest difference.</param>
    public double ErrorFrom(NumberTensor exact, bool relative, out int at)
    {
        double worst = 0;
        at = 0;
        for (int i = 0; i < Values.Length; i++)
        {
            double a = Values[i], e = exact.Values[i];
            if (a.Equals(e))
                continue; // NaN equals NaN, an infinity itself
            double error = double.IsFinite(a) && double.IsFinite(e) ? Math.Abs(a - e) / (relative ? Math.Max(1, Math.Abs(e)) : 1) : double.PositiveInfinity;
            if (error > worst)
                (worst, at) = (error, i);
        }

        return worst;
    }

    /// <summary>Such as <c>[2, 0, 3]</c>.</summary>
    public string Index(int at)
    {
        var index = new string[Shape.Length];
        for (int axis = Shape.Length - 1; axis >= 0; axis--)
        {
            index[axis] = (at % Shape[axis]).ToString(CultureInfo.InvariantCulture);
            at /= Shape[axis];
        }

        return $"[{string.Join(", ", index)}]";
    }
}
