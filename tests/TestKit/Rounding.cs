using FastRecurrence.Reference;

namespace FastRecurrence.TestKit;

/// <summary>What a layer is given: x <c>[T, N, I]</c>, h and c before the first step (null for zeros), and how it goes over the steps.</summary>
internal sealed record LayerRun(double[] Input, int T, int N, double[]? Hidden = null, double[]? Cell = null, Direction Direction = Direction.Forward, int[]? Lengths = null)
{
    public ReferenceResult Exact(ReferenceLayer layer) => layer.Run(Input, T, N, Hidden, Cell, Direction, Lengths);
}

/// <summary>
/// How far float32 may stray from the exact result of a case, by the rounding that the case itself causes.
/// <para>
/// Each fused multiply-add rounds its partial sum s once, by at most half a unit in its last place, u·2^⌊log₂|s|⌋ with u = 2⁻²⁴. Taken as uniform
/// and independent, that adds a third of its square to the variance of the sum: the chain of b, x·W and h·R has the variance
/// u²/3·Σ 4^⌊log₂|s|⌋ over its I + H partial sums. The size of weights and inputs decides, not the number of terms alone. To that come the variances of what enters the chain, Σ R²·var(h), and
/// Σ W²·var(x) above another layer. An activation passes its argument's variance on, times its slope squared, and adds its own error of a few
/// units in the last place; products and sums of the cell pass theirs on by the usual rule. So the variances of h and c are carried
/// from step to step: where the recurrence forgets they settle, where it amplifies they grow.
/// </para>
/// Independence is an assumption, and a mild one (Higham and Mary, 2019); <see cref="Tolerance"/> takes a multiple of the deviation.
/// </summary>
internal sealed class Rounding
{
    /// <summary>Half a unit in the last place of 1, and the variance of one rounding at magnitude 1.</summary>
    private const double U = 1.0 / (1 << 24), Once = U * U / 3;

    /// <summary>The error of an activation of size 1: two units in the last place.</summary>
    private const double ActivationError = 4 * U;

    private readonly ReferenceLayer _layer;
    private readonly LayerShape _shape;
    private readonly int _I, _H, _P;
    private readonly LayerRun _run;
    private readonly ReferenceResult _exact;
    private readonly double[]? _inputVariance;
    private readonly bool _narrowed;

    // Of the row and step in work: h and c before it with their variances, and where its numbers begin.
    private readonly double[] _h, _c, _vh, _vc;
    private int _x, _gate, _output, _cell;

    private Rounding(ReferenceLayer layer, LayerRun run, ReferenceResult exact, double[]? inputVariance)
    {
        (_layer, _shape, _run, _exact, _inputVariance) = (layer, layer.Shape, run, exact, inputVariance);
        (_I, _H, _P) = (_shape.InputSize, _shape.HiddenSize, _shape.OutputSize);
        (_h, _vh, _c, _vc) = (new double[_P], new double[_P], new double[_H], new double[_H]);
        Output = new double[exact.Output.Length];
        // Weights given in double are rounded to float before anything is multiplied.
        _narrowed = Array.Exists(layer.RecurrentWeights, w => (float)w != w) || Array.Exists(layer.InputWeights, w => (float)w != w);
    }

    /// <summary>The variance of h of every step, <c>[T, N, P]</c>: that of x for a layer above.</summary>
    public double[] Output { get; }

    /// <summary>The largest deviation of h, c and gates, each in units of max(1, |exact|).</summary>
    public double Worst { get; private set; }

    /// <param name="layer">The layer, in double.</param>
    /// <param name="run">What it was given.</param>
    /// <param name="exact">What it made of it.</param>
    /// <param name="inputVariance">Of x, where a layer below computed it; else null.</param>
    public static Rounding Of(ReferenceLayer layer, LayerRun run, ReferenceResult exact, double[]? inputVariance = null)
    {
        var rounding = new Rounding(layer, run, exact, inputVariance);
        if (layer.Shape.Cell == CellKind.Custom)
        {
            // The equations of a test's own cell are not known here: only the limit that holds for every cell of its size remains.
            rounding.Worst = double.PositiveInfinity;
            return rounding;
        }

        for (int n = 0; n < run.N; n++)
            rounding.Row(n);
        return rounding;
    }

    private void Row(int n)
    {
        int G = _shape.GateCount;
        Start(_run.Hidden, n, _h, _vh);
        Start(_run.Cell, n, _c, _vc);
        int length = _run.Lengths is null ? _run.T : _run.Lengths[n];
        for (int s = 0; s < length; s++)
        {
            int row = (_run.Direction == Direction.Forward ? s : length - 1 - s) * _run.N + n;
            (_x, _gate, _output, _cell) = (row * _I, row * G * _H, row * _P, row * _H);
            double[] vh = _shape.Cell switch { CellKind.Elman => Elman(), CellKind.Lstm => Lstm(), CellKind.Dense => Dense(), _ => Gru() };
            vh.CopyTo(_vh, 0);
            vh.CopyTo(Output, _output);
            Array.Copy(_exact.Output, _output, _h, 0, _P);
            Array.Copy(_exact.Cells, _cell, _c, 0, _H);
            for (int p = 0; p < _P; p++)
                Note(_vh[p], _h[p]);
        }
    }

    private static void Start(double[]? states, int n, double[] state, double[] variance)
    {
        Array.Clear(state);
        Array.Clear(variance);
        if (states is not null)
            Array.Copy(states, n * state.Length, state, 0, state.Length);
    }

    private double[] Elman()
    {
        var vh = new double[_H];
        for (int j = 0; j < _H; j++)
            vh[j] = Gate(j, _shape.CandidateActivation, Chain(j, j, _h, _vh).Variance);
        return vh;
    }

    private double[] Dense()
    {
        var vh = new double[_H];
        for (int j = 0; j < _H; j++)
            vh[j] = Gate(j, _shape.CandidateActivation, Input(j, j).Variance);
        return vh;
    }

    private double[] Lstm()
    {
        double[] m = new double[_H], vm = new double[_H];
        for (int j = 0; j < _H; j++)
        {
            double Peephole(int which, double c, double vc) => _shape.Peepholes ? Square(_layer.Peepholes[which * _H + j]) * (vc + Once * c * c) : 0;
            (double i, double f, double g, double o) = (Value(j), Value(_H + j), Value(2 * _H + j), Value(3 * _H + j));
            double vi = Gate(j, _shape.GateActivation, Chain(j, j, _h, _vh).Variance + Peephole(0, _c[j], _vc[j]));
            double vf = _shape.CoupledInputForget ? vi : Gate(_H + j, _shape.GateActivation, Chain(_H + j, _H + j, _h, _vh).Variance + Peephole(1, _c[j], _vc[j]));
            double vg = Gate(2 * _H + j, _shape.CandidateActivation, Chain(2 * _H + j, 2 * _H + j, _h, _vh).Variance);
            double c = _exact.Cells[_cell + j];
            double vc = Product(f, vf, _c[j], _vc[j]) + Product(i, vi, g, vg) + Once * c * c;
            double vo = Gate(3 * _H + j, _shape.GateActivation, Chain(3 * _H + j, 3 * _H + j, _h, _vh).Variance + Peephole(2, c, vc));
            double tanh = ReferenceActivation.Apply(_shape.CellActivation, c);
            double vt = Activated(_shape.CellActivation, c, vc, tanh, float.PositiveInfinity);
            (m[j], vm[j]) = (o * tanh, Product(o, vo, tanh, vt));
            Note(_vc[j] = vc, c);
        }

        if (_shape.ProjectionSize == 0)
            return vm;
        var vh = new double[_P];
        for (int p = 0; p < _P; p++)
        {
            (double sum, double squares) = (0, 0);
            Add(_layer.Projection.AsSpan(p * _H, _H), m, vm, ref sum, ref squares, ref vh[p]);
            vh[p] += Once * squares;
        }

        return vh;
    }

    private double[] Gru()
    {
        double[] vh = new double[_H], vr = new double[_H], vz = new double[_H], reset = new double[_H], vReset = new double[_H];
        for (int j = 0; j < _H; j++)
        {
            vr[j] = Gate(j, _shape.GateActivation, Chain(j, j, _h, _vh).Variance);
            vz[j] = Gate(_H + j, _shape.GateActivation, Chain(_H + j, _H + j, _h, _vh).Variance);
            (reset[j], vReset[j]) = (Value(j) * _h[j], Product(Value(j), vr[j], _h[j], _vh[j]));
        }

        for (int j = 0; j < _H; j++)
        {
            int row = 2 * _H + j;
            double va;
            if (_shape.LinearBeforeReset)
            {
                (double q, double squares, double vq) = (_layer.Bias[3 * _H + j], Square(_layer.Bias[3 * _H + j]), 0);
                Add(_layer.RecurrentWeights.AsSpan(row * _P, _P), _h, _vh, ref q, ref squares, ref vq);
                va = Input(row, row).Variance + Product(Value(j), vr[j], q, vq + Once * squares) + Once * Square(_exact.Preactivations[_gate + row]);
            }
            else
            {
                va = Chain(row, row, reset, vReset).Variance;
            }

            double vn = Gate(row, _shape.CandidateActivation, va), z = Value(_H + j), n = Value(row), h = z * _h[j] + (1 - z) * n;
            vh[j] = Square(1 - z) * vn + z * z * _vh[j] + Square(_h[j] - n) * vz[j] + Once * (h * h + n * n);
        }

        return vh;
    }

    /// <summary>A gate's value.</summary>
    private double Value(int gate) => _exact.Gates[_gate + gate];

    /// <summary>b + x·W: its value, the sum of its partial sums' squares, its variance.</summary>
    private (double Sum, double Variance) Input(int row, int bias)
    {
        (double sum, double variance) = (_layer.Bias[bias], 0);
        double squares = sum * sum;
        ReadOnlySpan<double> vx = _inputVariance is null ? [] : _inputVariance.AsSpan(_x, _I);
        Add(_layer.InputWeights.AsSpan(row * _I, _I), _run.Input.AsSpan(_x, _I), vx, ref sum, ref squares, ref variance);
        return (sum, variance + Once * squares);
    }

    /// <summary>b + x·W + h·R.</summary>
    private (double Sum, double Variance) Chain(int row, int bias, double[] h, double[] vh)
    {
        (double sum, double variance) = Input(row, bias);
        double squares = 0;
        Add(_layer.RecurrentWeights.AsSpan(row * _P, _P), h, vh, ref sum, ref squares, ref variance);
        return (sum, variance + Once * squares);
    }

    /// <summary>A chain goes on: its sum, the squares of its partial sums, and the variance that its values bring along.</summary>
    private void Add(ReadOnlySpan<double> weights, ReadOnlySpan<double> values, ReadOnlySpan<double> variances, ref double sum, ref double squares, ref double variance)
    {
        for (int k = 0; k < weights.Length; k++)
        {
            double product = weights[k] * values[k];
            sum += product;
            squares += Square(PowerBelow(sum));
            if (_narrowed)
                squares += 2 * product * product;
        }

        for (int k = 0; k < variances.Length; k++)
            variance += weights[k] * weights[k] * variances[k];
    }

    /// <summary>The variance of a gate, noted.</summary>
    private double Gate(int gate, ActivationFunction function, double variance)
    {
        double y = Value(gate);
        return Note(Activated(function, _exact.Preactivations[_gate + gate], variance, y, _shape.Clip), y);
    }

    /// <summary>Of f(a). The slope is taken over a few deviations to either side, so that no corner of f is missed.</summary>
    private static double Activated(ActivationFunction function, double a, double variance, double y, float clip)
    {
        double Apply(double x) => ReferenceActivation.Apply(function, Math.Clamp(x, -clip, clip));
        double near = 1e-7 * Math.Max(1, Math.Abs(a)) + 4 * Math.Sqrt(variance);
        double slope = double.IsFinite(a) ? Math.Max(Math.Abs(Apply(a + near) - y), Math.Abs(y - Apply(a - near))) / near : 0;
        return slope * slope * variance + Square(ActivationError * y) / 3;
    }

    /// <summary>Of a rounded product of two.</summary>
    private static double Product(double a, double va, double b, double vb) => a * a * vb + b * b * va + va * vb + Once * a * a * b * b;

    private static double Square(double x) => x * x;

    /// <summary>The power of two at or below |x|: the exponent alone.</summary>
    private static double PowerBelow(double x) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(x) & 0x7FF0_0000_0000_0000);

    private double Note(double variance, double exact)
    {
        double deviation = Math.Sqrt(variance) / Math.Max(1, Math.Abs(exact));
        if (double.IsFinite(deviation))
            Worst = Math.Max(Worst, deviation);
        return double.IsFinite(variance) ? variance : 0;
    }
}
