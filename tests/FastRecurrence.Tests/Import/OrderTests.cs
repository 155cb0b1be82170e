using FastRecurrence.Import;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Import;

/// <summary>
/// Orders are proved by values: each framework's own equations, written here over its own memory, against our layer of the
/// imported weights. All weights are random, so no swapped gate, transposition or bias passes.
/// </summary>
public sealed class OrderTests
{
    private const int I = 3, H = 5;

    private static readonly Random s_random = new(77);

    private static float[] New(int count) => Problem.Uniform(s_random, count);

    private static double σ(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>Σ over one row or column of a matrix.</summary>
    private static double Dot(float[] m, int start, int stride, double[] v) => v.Select((value, k) => m[start + k * stride] * value).Sum();

    private static void AssertLayer(LayerWeights weights, Func<double[], double[], double[], (double[] H, double[] C)> step)
    {
        int P = weights.Shape.OutputSize;
        using RecurrentLayer layer = Backend.Reference.Prepare(weights);
        using LayerState state = layer.CreateState(1);
        double[] h = new double[P], c = new double[H];
        for (int t = 0; t < 4; t++)
        {
            float[] x = New(I), y = new float[P];
            (h, c) = step(Problem.Widen(x), h, c);
            layer.Step(state, x, y);
            Assert.Equal(h, Problem.Widen(y), (a, b) => Math.Abs(a - b) < 1e-6);
        }
    }

    [Fact]
    public void Keras_lstm()
    {
        float[] kernel = New(I * 4 * H), recurrent = New(H * 4 * H), bias = New(4 * H);
        AssertLayer(KerasWeights.Import(LayerShape.Lstm(I, H), kernel, recurrent, bias), (x, h, c) =>
        {
            double A(int gate, int j) => bias[gate * H + j] + Dot(kernel, gate * H + j, 4 * H, x) + Dot(recurrent, gate * H + j, 4 * H, h);
            double[] next = [.. Enumerable.Range(0, H).Select(j => σ(A(1, j)) * c[j] + σ(A(0, j)) * Math.Tanh(A(2, j)))];
            return ([.. Enumerable.Range(0, H).Select(j => σ(A(3, j)) * Math.Tanh(next[j]))], next);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Keras_gru(bool resetAfter)
    {
        float[] kernel = New(I * 3 * H), recurrent = New(H * 3 * H), bias = New(resetAfter ? 6 * H : 3 * H);
        AssertLayer(KerasWeights.Import(LayerShape.Gru(I, H, resetAfter), kernel, recurrent, bias), (x, h, c) =>
        {
            double X(int gate, int j) => bias[gate * H + j] + Dot(kernel, gate * H + j, 3 * H, x);
            double R(int gate, int j, double[] v) => (resetAfter ? bias[3 * H + gate * H + j] : 0) + Dot(recurrent, gate * H + j, 3 * H, v);
            double[] z = [.. Enumerable.Range(0, H).Select(j => σ(X(0, j) + R(0, j, h)))], r = [.. Enumerable.Range(0, H).Select(j => σ(X(1, j) + R(1, j, h)))];
            double[] reset = [.. h.Zip(r, (a, b) => a * b)];
            return ([.. Enumerable.Range(0, H).Select(j => z[j] * h[j] + (1 - z[j]) * Math.Tanh(X(2, j) + (resetAfter ? r[j] * R(2, j, h) : R(2, j, reset))))], c);
        });
    }

    [Fact]
    public void Tf1_basic_lstm_adds_the_forget_bias_that_is_not_stored()
    {
        float[] kernel = New((I + H) * 4 * H), bias = New(4 * H);
        AssertLayer(TensorFlow1Weights.ImportBasicLstm(I, H, kernel, bias), (x, h, c) =>
        {
            double A(int gate, int j) => bias[gate * H + j] + Dot(kernel, gate * H + j, 4 * H, [.. x, .. h]);
            double[] next = [.. Enumerable.Range(0, H).Select(j => σ(A(2, j) + 1) * c[j] + σ(A(0, j)) * Math.Tanh(A(1, j)))];
            return ([.. Enumerable.Range(0, H).Select(j => σ(A(3, j)) * Math.Tanh(next[j]))], next);
        });
    }

    [Fact]
    public void Tf1_gru()
    {
        float[] gates = New((I + H) * 2 * H), gateBias = New(2 * H), candidate = New((I + H) * H), candidateBias = New(H);
        AssertLayer(TensorFlow1Weights.ImportGru(I, H, gates, gateBias, candidate, candidateBias), (x, h, c) =>
        {
            double G(int gate, int j) => σ(gateBias[gate * H + j] + Dot(gates, gate * H + j, 2 * H, [.. x, .. h]));
            double[] reset = [.. h.Select((v, j) => G(0, j) * v)];
            return ([.. Enumerable.Range(0, H).Select(j => G(1, j) * h[j] + (1 - G(1, j)) * Math.Tanh(candidateBias[j] + Dot(candidate, j, H, [.. x, .. reset])))], c);
        });
    }

    [Fact]
    public void Onnx_lstm_with_peepholes()
    {
        float[] w = New(4 * H * I), r = New(4 * H * H), b = New(8 * H), p = New(3 * H);
        AssertLayer(OnnxWeights.Import(LayerShape.Lstm(I, H) with { Peepholes = true }, w, r, b, p), (x, h, c) =>
        {
            double A(int gate, int j) => b[gate * H + j] + b[4 * H + gate * H + j] + Dot(w, (gate * H + j) * I, 1, x) + Dot(r, (gate * H + j) * H, 1, h);
            double[] next = [.. Enumerable.Range(0, H).Select(j => σ(A(2, j) + p[2 * H + j] * c[j]) * c[j] + σ(A(0, j) + p[j] * c[j]) * Math.Tanh(A(3, j)))];
            return ([.. Enumerable.Range(0, H).Select(j => σ(A(1, j) + p[H + j] * next[j]) * Math.Tanh(next[j]))], next);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Onnx_gru(bool linearBeforeReset)
    {
        float[] w = New(3 * H * I), r = New(3 * H * H), b = New(6 * H);
        AssertLayer(OnnxWeights.Import(LayerShape.Gru(I, H, linearBeforeReset), w, r, b), (x, h, c) =>
        {
            double X(int gate, int j) => b[gate * H + j] + Dot(w, (gate * H + j) * I, 1, x);
            double R(int gate, int j, double[] v) => b[3 * H + gate * H + j] + Dot(r, (gate * H + j) * H, 1, v);
            double Z(int j) => σ(X(0, j) + R(0, j, h));
            double Reset(int j) => σ(X(1, j) + R(1, j, h));
            double[] reset = [.. h.Select((v, j) => Reset(j) * v)];
            return ([.. Enumerable.Range(0, H).Select(j => Z(j) * h[j] + (1 - Z(j)) * Math.Tanh(X(2, j) + (linearBeforeReset ? Reset(j) * R(2, j, h) : R(2, j, reset))))], c);
        });
    }

    [Fact]
    public void Cudnn_lstm_with_projection()
    {
        const int P = 2;
        float[][] m = [.. Enumerable.Range(0, 9).Select(id => New(id < 4 ? H * I : id < 8 ? H * P : P * H))], b = [.. Enumerable.Range(0, 8).Select(_ => New(H))];
        AssertLayer(CudnnWeights.Import(LayerShape.Lstm(I, H) with { ProjectionSize = P }, m, b), (x, h, c) =>
        {
            double A(int gate, int j) => b[gate][j] + b[4 + gate][j] + Dot(m[gate], j * I, 1, x) + Dot(m[4 + gate], j * P, 1, h);
            double[] next = [.. Enumerable.Range(0, H).Select(j => σ(A(1, j)) * c[j] + σ(A(0, j)) * Math.Tanh(A(2, j)))];
            double[] full = [.. Enumerable.Range(0, H).Select(j => σ(A(3, j)) * Math.Tanh(next[j]))];
            return ([.. Enumerable.Range(0, P).Select(q => Dot(m[8], q * H, 1, full))], next);
        });
    }

    [Fact]
    public void Cudnn_gru()
    {
        float[][] m = [.. Enumerable.Range(0, 6).Select(id => New(id < 3 ? H * I : H * H))], b = [.. Enumerable.Range(0, 6).Select(_ => New(H))];
        AssertLayer(CudnnWeights.Import(LayerShape.Gru(I, H), m, b), (x, h, c) =>
        {
            double X(int id, int j) => b[id][j] + Dot(m[id], j * I, 1, x);
            double R(int id, int j) => b[3 + id][j] + Dot(m[3 + id], j * H, 1, h);
            double Gate(int id, int j) => σ(X(id, j) + R(id, j));
            return ([.. Enumerable.Range(0, H).Select(j => Gate(1, j) * h[j] + (1 - Gate(1, j)) * Math.Tanh(X(2, j) + Gate(0, j) * R(2, j)))], c);
        });
    }

    [Fact]
    public void OneDnn_lbr_gru()
    {
        float[] w = New(I * 3 * H), r = New(H * 3 * H), b = New(4 * H); // u, r, o, u'
        AssertLayer(OneDnnWeights.Import(LayerShape.Gru(I, H), w, r, b), (x, h, c) =>
        {
            double X(int gate, int j) => b[gate * H + j] + Dot(w, gate * H + j, 3 * H, x);
            double R(int gate, int j) => Dot(r, gate * H + j, 3 * H, h);
            double Gate(int gate, int j) => σ(X(gate, j) + R(gate, j));
            return ([.. Enumerable.Range(0, H).Select(j => Gate(0, j) * h[j] + (1 - Gate(0, j)) * Math.Tanh(X(2, j) + Gate(1, j) * (R(2, j) + b[3 * H + j])))], c);
        });
    }

    [Fact]
    public void OneDnn_lstm_with_projection()
    {
        const int P = 2;
        float[] w = New(I * 4 * H), r = New(P * 4 * H), b = New(4 * H), p = New(H * P);
        AssertLayer(OneDnnWeights.Import(LayerShape.Lstm(I, H) with { ProjectionSize = P }, w, r, b, default, p), (x, h, c) =>
        {
            double A(int gate, int j) => b[gate * H + j] + Dot(w, gate * H + j, 4 * H, x) + Dot(r, gate * H + j, 4 * H, h);
            double[] next = [.. Enumerable.Range(0, H).Select(j => σ(A(1, j)) * c[j] + σ(A(0, j)) * Math.Tanh(A(2, j)))];
            double[] full = [.. Enumerable.Range(0, H).Select(j => σ(A(3, j)) * Math.Tanh(next[j]))];
            return ([.. Enumerable.Range(0, P).Select(q => Dot(p, q, P, full))], next);
        });
    }

    public static IEnumerable<TheoryDataRow<string>> Shapes() => ["lstm", "lstm-projection", "lstm-peepholes", "gru", "gru-before", "elman"];

    private static LayerShape Shape(string name) => name switch
    {
        "lstm" => LayerShape.Lstm(I, H),
        "lstm-projection" => LayerShape.Lstm(I, H) with { ProjectionSize = 2 },
        "lstm-peepholes" => LayerShape.Lstm(I, H) with { Peepholes = true },
        "gru" => LayerShape.Gru(I, H),
        "gru-before" => LayerShape.Gru(I, H, linearBeforeReset: false),
        _ => LayerShape.Elman(I, H),
    };

    /// <summary>There and back gives the same numbers, or the export is refused because the framework has no such cell.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Exports_come_back_as_they_went(string name)
    {
        LayerWeights weights = LayerWeights.Random(Shape(name), 9);
        LayerShape shape = weights.Shape;
        var trips = new (string Framework, bool Has, Func<LayerWeights> Trip)[]
        {
            ("keras", name is "lstm" or "gru" or "gru-before" or "elman", () => { var (k, r, b) = KerasWeights.Export(weights); return KerasWeights.Import(shape, k, r, b); }),
            ("onnx", name != "lstm-projection", () => { var (w, r, b, p) = OnnxWeights.Export(weights); return OnnxWeights.Import(shape, w, r, b, p); }),
            ("cudnn", name is "lstm" or "lstm-projection" or "gru" or "elman", () => { var (m, b) = CudnnWeights.Export(weights); return CudnnWeights.Import(shape, m, b); }),
            ("onednn", true, () => { var (w, r, b, p, q) = OneDnnWeights.Export(weights); return OneDnnWeights.Import(shape, w, r, b, p, q); }),
            ("pytorch", name is "lstm" or "lstm-projection" or "gru" or "elman", () => PyTorchWeights.Find(PyTorchWeights.Export([StackLayer.Unidirectional(weights)], "a.b."))[0].ToLayers()[0].Forward!),
            ("tf1", name is "lstm", () => { var (k, b) = TensorFlow1Weights.ExportBasicLstm(weights); return TensorFlow1Weights.ImportBasicLstm(I, H, k, b); }),
            ("tf1-gru", name is "gru-before", () => { var (g, gb, c, cb) = TensorFlow1Weights.ExportGru(weights); return TensorFlow1Weights.ImportGru(I, H, g, gb, c, cb); }),
        };
        foreach ((string framework, bool has, Func<LayerWeights> trip) in trips)
        {
            if (!has)
            {
                Assert.Throws<NotSupportedException>(() => trip());
                continue;
            }

            LayerWeights back = trip();
            Assert.Equal(shape, back.Shape);
            Assert.Equal(weights.InputWeights, back.InputWeights);
            Assert.Equal(weights.RecurrentWeights, back.RecurrentWeights);
            // TensorFlow 1 subtracts 1 from the forget bias and adds it again: a rounding apart.
            Assert.Equal(weights.Bias.ToArray(), back.Bias.ToArray(), (a, b) => framework == "tf1" ? Math.Abs(a - b) < 1e-7f : a == b);
            Assert.Equal(weights.Peepholes, back.Peepholes);
            Assert.Equal(weights.Projection, back.Projection);
        }
    }

    [Fact]
    public void Wrong_lengths_are_refused_with_both_numbers()
    {
        LayerShape lstm = LayerShape.Lstm(I, H), gru = LayerShape.Gru(I, H, linearBeforeReset: false);
        Assert.Contains("Wb ‖ Rb", Assert.Throws<ArgumentException>(() => OnnxWeights.Import(lstm, New(4 * H * I), New(4 * H * H), New(4 * H))).Message);
        Assert.Contains("reset_after=True", Assert.Throws<ArgumentException>(() => KerasWeights.Import(gru, New(3 * H * I), New(3 * H * H), New(6 * H))).Message);
        Assert.Contains("reset_after=False", Assert.Throws<ArgumentException>(() => KerasWeights.Import(LayerShape.Gru(I, H), New(3 * H * I), New(3 * H * H), New(3 * H))).Message);
        Assert.Contains("[3, 20] = 60", Assert.Throws<ArgumentException>(() => KerasWeights.Import(lstm, New(59), New(4 * H * H))).Message);
        Assert.Contains("7 matrices", Assert.Throws<ArgumentException>(() => CudnnWeights.Import(lstm, [.. Enumerable.Repeat(New(H * I), 7)], [])).Message);
        Assert.Throws<ArgumentException>(() => OneDnnWeights.Import(LayerShape.Gru(I, H), New(I * 3 * H), New(H * 3 * H), New(3 * H)));
        Assert.Throws<ArgumentException>(() => TensorFlow1Weights.ImportBasicLstm(I, H, New(8), New(4 * H)));
    }
}
