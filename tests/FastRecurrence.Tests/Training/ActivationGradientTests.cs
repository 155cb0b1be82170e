using System.Numerics;
using System.Runtime.Intrinsics;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>Slopes from activated values: against double, at every width, and what decides at kinks, bounds and NaN.</summary>
public sealed unsafe class ActivationGradientTests
{
    private static readonly ActivationFunction[] s_functions =
    [
        .. Enum.GetValues<Activation>().Where(kind => kind is not (Activation.Affine or Activation.ScaledTanh)).Select(kind => (ActivationFunction)kind),
        new(Activation.Affine, 0.75f, 0.25f), new(Activation.Affine, -2, 1), new(Activation.ScaledTanh, 1.7159f, 0.6667f), new(Activation.ScaledTanh, -0.5f, 2),
        new(Activation.ScaledTanh, 1e-25f, 1), new(Activation.ScaledTanh, 0, 1), new(Activation.LeakyRelu, 0), new(Activation.LeakyRelu, 0.5f), new(Activation.Elu, 0.5f),
        new(Activation.Elu, 0), new(Activation.ThresholdedRelu, -0.5f), new(Activation.ThresholdedRelu, 0), new(Activation.HardSigmoid, -0.3f, 0.4f),
    ];

    private delegate float[] Evaluate(float[] y, ActivationFunction function, float? clip);

    private static readonly (string Name, Evaluate Apply, Evaluate Slope)[] s_widths =
    [
        Width<float, ScalarLanes>("scalar"), Width<Vector128<float>, Vector128Lanes>("128"), Width<Vector256<float>, Vector256Lanes>("256"),
        Width<Vector512<float>, Vector512Lanes>("512"), Width<Vector<float>, VectorLanes>("vector"),
    ];

    public static TheoryData<string> Functions => [.. s_functions.Select(f => f.ToString())];

    /// <summary>From a float's activated value, against f′ of the preactivation in double: what y lost by rounding is all that may differ.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void Is_the_slope_of_the_preactivation(string name)
    {
        ActivationFunction f = Named(name);
        Assert.True(ActivationGradients.AreKnownFromOutput(f));
        float[] x = Preactivations(f), y = s_widths[0].Apply(x, f, null), slope = s_widths[0].Slope(y, f, null);
        double tolerance = 1e-6 * Math.Max(1, Math.Abs(f.Alpha) * Math.Max(1, Math.Abs(f.Beta)));
        for (int i = 0; i < x.Length; i++)
            Assert.True(Math.Abs(slope[i] - ReferenceActivation.Derivative(f, x[i])) <= tolerance, $"{f}: {slope[i]:R} at x = {x[i]:R}, y = {y[i]:R}");
    }

    /// <summary>Near saturation too, every digit of y that is left is used: a few roundings, relative to the slope.</summary>
    [Theory]
    [InlineData(Activation.Sigmoid)]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.Softsign)]
    [InlineData(Activation.Softplus)]
    public void Keeps_the_digits_of_y(Activation kind)
    {
        float[] y = [.. Enumerable.Range(1, 24).SelectMany(k => (float[])[MathF.ScaleB(1, -k), 1 - MathF.ScaleB(1, -k)]), .. Enumerable.Range(1, 999).Select(i => i / 1000f)];
        float[] slope = s_widths[0].Slope(y, kind, null);
        for (int i = 0; i < y.Length; i++)
        {
            double v = y[i], exact = kind switch
            {
                Activation.Sigmoid => v * (1 - v),
                Activation.Tanh => (1 - v) * (1 + v),
                Activation.Softsign => (1 - v) * (1 - v),
                _ => v < 1e-5 ? v - v * v / 2 : 1 - Math.Exp(-v),
            };
            Assert.True(Math.Abs(slope[i] - exact) <= 4e-7 * exact, $"{kind}: {slope[i]:R} at y = {y[i]:R}");
        }
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void Every_width_gives_the_bits_of_scalar(string name)
    {
        ActivationFunction f = Named(name);
        float[] y = s_widths[0].Apply([.. Preactivations(f), float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 1e-40f], f, null);
        foreach (float? clip in (float?[])[null, 0.4f])
        {
            float[] scalar = s_widths[0].Slope(y, f, clip);
            foreach ((string width, _, Evaluate slope) in s_widths[1..])
            {
                float[] actual = slope(y, f, clip);
                for (int i = 0; i < y.Length; i++)
                {
                    Assert.True(scalar[i].Equals(actual[i]) && (float.IsNaN(scalar[i]) || float.IsNegative(scalar[i]) == float.IsNegative(actual[i])),
                        $"{f}, {width}: {actual[i]:R} instead of {scalar[i]:R} at y = {y[i]:R}");
                }
            }
        }
    }

    /// <summary>Where clip held the preactivation the slope is 0; elsewhere it is what it is without.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void Is_0_where_clip_holds(string name)
    {
        const float clip = 0.4f;
        ActivationFunction f = Named(name);
        float[] x = Preactivations(f), y = s_widths[0].Apply([.. x.Select(v => Math.Clamp(v, -clip, clip))], f, null);
        float[] clipped = s_widths[0].Slope(y, f, clip), free = s_widths[0].Slope(y, f, null);
        int held = 0;
        for (int i = 0; i < x.Length; i++)
        {
            bool holds = Math.Abs(x[i]) >= clip;
            held += holds ? 1 : 0;
            if (holds || Math.Abs(x[i]) < clip - 1e-6f)
                Assert.True(clipped[i] == (holds ? 0 : free[i]), $"{f}: {clipped[i]:R} at x = {x[i]:R}");
        }

        Assert.InRange(held, 1, x.Length - 1);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void NaN_stays_NaN_where_the_slope_depends_on_y(string name)
    {
        ActivationFunction f = Named(name);
        bool constant = f.Kind is Activation.Linear or Activation.Affine;
        Assert.Equal(constant, !float.IsNaN(Assert.Single(s_widths[0].Slope([float.NaN], f, null))));
        Assert.Equal(constant, !double.IsNaN(ReferenceActivation.Derivative(f, double.NaN)));
        Assert.True(float.IsNaN(Assert.Single(s_widths[0].Slope([float.NaN], f, 0.4f))));
    }

    /// <summary>At a kink: the side that the reference takes.</summary>
    [Fact]
    public void Takes_the_reference_s_side_at_kinks()
    {
        (ActivationFunction Function, float X)[] kinks =
        [
            (Activation.Relu, 0), (Activation.Relu, -0f), (Activation.LeakyRelu, 0), (Activation.Elu, 0), (new(Activation.Elu, 0.5f), 0), (Activation.ThresholdedRelu, 1),
            (new(Activation.ThresholdedRelu, 0), 0), (new(Activation.HardSigmoid, 0.5f, 0.5f), 1), (new(Activation.HardSigmoid, 0.5f, 0.5f), -1),
        ];
        foreach ((ActivationFunction f, float x) in kinks)
            Assert.Equal(ReferenceActivation.Derivative(f, x), Assert.Single(s_widths[0].Slope(s_widths[0].Apply([x], f, null), f, null)));
    }

    /// <summary>Two preactivations with one activated value and two slopes: no function of y can be right.</summary>
    [Theory]
    [InlineData(Activation.LeakyRelu)]
    [InlineData(Activation.Elu)]
    public void A_negative_alpha_hides_the_slope(Activation kind)
    {
        var f = new ActivationFunction(kind, -0.5f);
        Assert.False(ActivationGradients.AreKnownFromOutput(f));
        const double below = -0.25;
        double above = ReferenceActivation.Apply(f, below);
        Assert.True(above > 0);
        Assert.Equal(above, ReferenceActivation.Apply(f, above));
        Assert.NotEqual(ReferenceActivation.Derivative(f, below), ReferenceActivation.Derivative(f, above));
    }

    private static ActivationFunction Named(string name) => s_functions.Single(f => f.ToString() == name);

    /// <summary>Evenly over ±30, densely over ±2, but not so near a kink that rounding of y decides the side.</summary>
    private static float[] Preactivations(ActivationFunction f)
    {
        float[] kinks = f.Kind == Activation.ThresholdedRelu ? [f.Alpha, 0] : f.Kind == Activation.HardSigmoid ? [-f.Beta / f.Alpha, (1 - f.Beta) / f.Alpha] : [];
        IEnumerable<float> all = Enumerable.Range(-3000, 6001).Select(i => i * 0.01f).Concat(Enumerable.Range(-20_000, 40_001).Select(i => i * 1e-4f));
        return [.. all.Where(x => !kinks.Any(kink => MathF.Abs(x - kink) < 2e-6f))];
    }

    private static (string Name, Evaluate Apply, Evaluate Slope) Width<V, L>(string name)
        where V : struct
        where L : IMemoryLanes<V> => (name, (x, f, _) => Map<V, L>(x, v => Activations<V, L>.Apply(v, f.Kind, L.Broadcast(f.Alpha), L.Broadcast(f.Beta))), Slope<V, L>);

    private static float[] Slope<V, L>(float[] y, ActivationFunction f, float? clip)
        where V : struct
        where L : IMemoryLanes<V>
    {
        V alpha = L.Broadcast(f.Alpha), beta = L.Broadcast(f.Beta);
        V Bound(float a) => Activations<V, L>.Apply(L.Broadcast(a), f.Kind, alpha, beta);
        return Map<V, L>(y, v =>
        {
            V slope = ActivationGradients<V, L>.FromOutput(v, f.Kind, alpha, beta);
            return clip is { } c ? ActivationGradients<V, L>.WithClip(slope, v, Bound(-c), Bound(c)) : slope;
        });
    }

    private static float[] Map<V, L>(float[] x, Func<V, V> function)
        where V : struct
        where L : IMemoryLanes<V>
    {
        int padded = (x.Length + L.Count - 1) / L.Count * L.Count;
        float[] source = new float[padded], result = new float[padded];
        x.CopyTo(source, 0);
        fixed (float* from = source, to = result)
        {
            for (int i = 0; i < padded; i += L.Count)
                L.Store(function(L.Load(from + i)), to + i);
        }

        return result[..x.Length];
    }
}
