using FastRecurrence.Gpu;

namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>The exercise sheet's numbers on a device, to 1e-6; the tool's <c>exercises</c> command explains them.</summary>
internal static class Exercises
{
    public const double Tolerance = 1e-6;

    /// <summary>The error of each.</summary>
    public static IEnumerable<(string Name, double Error)> Run(GpuBackend backend) =>
    [
        ("1, ‖∂h_T/∂h_t‖", Gradients(backend)),
        ("2, running sum", Elman(backend, Activation.Linear, [1], [1], [0], [2, -0.5f, 1], [2, 1.5, 2.5])),
        ("3, differences", Elman(backend, Activation.Linear, [1, -1], [1], [0], [2, -2, 0, 3.5f, 1, 2.2f], [4, 0.5, -0.7])),
        ("4, sigmoid", Elman(backend, Activation.Sigmoid, [-0.1f], [0.5f], [0.4f], [18, 9, -8],
            [0.19781611144141825, 0.40105001683506847, 0.8022671862484869])),
        ("5, tanh", Elman(backend, Activation.Tanh, [0.6f, 0.1f], [0.5f, 0.2f, 0.3f, 0.7f], [0, 0], [1, 2],
            [0.5370495669980353, 0.09966799462495582, 0.9030406827771663, 0.40605853483941073])),
        ("6, an LSTM step", Lstm(backend)),
        ("7, a gate trace", Trace(backend)),
    ];

    private static double Elman(GpuBackend backend, Activation activation, float[] w, float[] r, float[] b, float[] x, double[] exact)
    {
        int H = b.Length, I = w.Length / H, T = x.Length / I;
        using RecurrentLayer layer = backend.Prepare(new LayerWeights(LayerShape.Elman(I, H, activation), w, r, b));
        using LayerState state = layer.CreateState(1);
        var h = new float[T * H];
        layer.Run(state, T, x, h);
        return Worst(exact, h);
    }

    private static double Gradients(GpuBackend backend)
    {
        using RecurrentLayer layer = backend.Prepare(new LayerWeights(LayerShape.Elman(0, 2, Activation.Linear), [], [0.5f, 0.2f, 0.3f, 0.7f]));
        (int Steps, double Norm)[] exact = [(1, 0.9327379053), (2, 0.7653757247), (4, 0.5683331593), (8, 0.3177124748), (16, 0.0991890674)];
        double worst = 0;
        foreach ((int steps, double norm) in exact)
        {
            // Column j of the Jacobian is h_T from the j-th unit vector: the two are rows of one batch.
            using LayerState state = layer.CreateState(2);
            state.SetHidden([1, 0, 0, 1]);
            var h = new float[steps * 4];
            layer.Run(state, steps, [], h);
            worst = Math.Max(worst, Math.Abs(norm - Math.Sqrt(h.AsSpan(^4..).ToArray().Sum(v => (double)v * v))));
        }

        return worst;
    }

    private static double Lstm(GpuBackend backend)
    {
        float[] w = [0.2f, -0.3f, 0.4f, -0.2f, 0.3f, 0.1f, -0.3f, 0.5f];
        float[] r = [0.4f, 0.2f, -0.1f, 0.3f, 0.1f, 0.3f, 0.2f, 0.5f, -0.2f, 0.3f, 0.4f, -0.1f, 0.2f, -0.2f, 0.1f, 0.4f];
        float[] b = [0.05f, -0.05f, 0.1f, -0.1f, 0, 0.1f, 0.02f, 0.01f];
        using RecurrentLayer layer = backend.Prepare(new LayerWeights(LayerShape.Lstm(1, 2), w, r, b));
        using LayerState state = layer.CreateState(1);
        state.SetHidden([0.1f, 0.2f]);
        state.SetCell([0.05f, 0.1f]);
        float[] h = new float[2], c = new float[2], gates = new float[8];
        layer.Step(state, [1], h, gates);
        state.CopyCellTo(c);
        return Math.Max(Worst([0.0931345781755692, 0.0883193903441006], h), Math.Max(Worst([0.2224512038911425, 0.1376529920764338], c),
            Worst([0.5817593768418363, 0.425557483188341, 0.6387631751488418, 0.4551211076264199,
                0.3274773948087053, 0.2165180614930289, 0.425557483188341, 0.6456563062257954], gates)));
    }

    /// <summary>The given gates as weights of one-hot inputs: σ⁻¹ of the gate in the step's column, and R = 0.</summary>
    private static double Trace(GpuBackend backend)
    {
        double[] i = [0.1, 0.9, 0.3, 0.5], f = [0.9, 0.1, 0.7, 0.8], g = [0, 0.8, 0, 0], o = [0.4, 0.8, 0.5, 0.6];
        static float Logit(double p) => (float)Math.Log(p / (1 - p));
        float[] w = [.. i.Select(Logit), .. f.Select(Logit), .. g.Select(v => (float)Math.Atanh(v)), .. o.Select(Logit)];
        using RecurrentLayer layer = backend.Prepare(new LayerWeights(LayerShape.Lstm(4, 1), w, new float[4]));
        using LayerState state = layer.CreateState(1);
        state.SetCell([1]);
        float[] x = new float[16], h = new float[4], gates = new float[16], c = new float[1];
        for (int t = 0; t < 4; t++)
            x[5 * t] = 1;
        layer.Run(state, 4, x, h, gates);
        state.CopyCellTo(c);
        double[] exactGates = [.. Enumerable.Range(0, 4).SelectMany(t => new[] { i[t], f[t], g[t], o[t] })];
        double cell = 1;
        for (int t = 0; t < 4; t++)
            cell = f[t] * cell + i[t] * g[t];
        return Math.Max(Worst(exactGates, gates), Worst([cell], c));
    }

    private static double Worst(double[] exact, ReadOnlySpan<float> actual)
    {
        double worst = 0;
        for (int k = 0; k < exact.Length; k++)
            worst = double.IsNaN(actual[k]) ? double.PositiveInfinity : Math.Max(worst, Math.Abs(exact[k] - actual[k]));
        return worst;
    }
}
