namespace FastRecurrence.Reference;

/// <summary>
/// The judge: one layer as plain loops in double beside their equations, sharing no code with the kernels. Slow on
/// purpose; allocates freely. All arrays row-major, sequences time-major.
/// </summary>
public sealed class ReferenceLayer
{
    private readonly LayerShape _shape;
    private readonly double[] _w, _r, _b, _peepholes, _projection;

    /// <summary>Takes the layer's numbers in double, laid out as in <see cref="LayerWeights"/>.</summary>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    public ReferenceLayer(LayerShape shape, double[] inputWeights, double[] recurrentWeights, double[] bias, double[]? peepholes = null,
        double[]? projection = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(inputWeights);
        ArgumentNullException.ThrowIfNull(recurrentWeights);
        ArgumentNullException.ThrowIfNull(bias);
        (_shape, _w, _r, _b, _peepholes, _projection) = (shape, inputWeights, recurrentWeights, bias, peepholes ?? [], projection ?? []);
        Extents.Require(nameof(inputWeights), inputWeights.Length, "G×H×I", shape.GateCount, shape.HiddenSize, shape.InputSize);
        Extents.Require(nameof(recurrentWeights), recurrentWeights.Length, "G×H×P", shape.GateCount, shape.HiddenSize, shape.OutputSize);
        Extents.Require(nameof(bias), bias.Length, "b", shape.BiasCount);
        Extents.Require(nameof(peepholes), _peepholes.Length, "3×H", shape.PeepholeCount);
        Extents.Require(nameof(projection), _projection.Length, "P×H", shape.ProjectionCount);
    }

    /// <summary>Widens float weights.</summary>
    public ReferenceLayer(LayerWeights weights)
        : this((weights ?? throw new ArgumentNullException(nameof(weights))).Shape, Widen(weights.InputWeights), Widen(weights.RecurrentWeights),
            Widen(weights.Bias), Widen(weights.Peepholes), Widen(weights.Projection))
    {
    }

    /// <summary>What the layer computes.</summary>
    public LayerShape Shape => _shape;

    /// <summary>W, <c>[G·H, I]</c>.</summary>
    internal double[] InputWeights => _w;

    /// <summary>R, <c>[G·H, P]</c>.</summary>
    internal double[] RecurrentWeights => _r;

    /// <summary>b, as in <see cref="LayerWeights.Bias"/>.</summary>
    internal double[] Bias => _b;

    /// <summary>Peephole weights, <c>[3·H]</c>, or empty.</summary>
    internal double[] Peepholes => _peepholes;

    /// <summary>W_p, <c>[P, H]</c>, or empty.</summary>
    internal double[] Projection => _projection;

    /// <summary>The gradients of a loss by every weight, x, h0 and c0: backpropagation through time.</summary>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    internal ReferenceGradients Backward(ReferenceBackwardInput input) => Backward(input, ReferenceCellGradient.For(_shape.Cell));

    /// <summary>The same with given equations, so that tests can show that wrong ones are found.</summary>
    internal ReferenceGradients Backward(ReferenceBackwardInput input, ReferenceCellGradient cell)
    {
        input.Require(_shape);
        return new ReferenceBackward(this, input, cell).Run();
    }

    /// <summary>Runs T steps over N rows.</summary>
    /// <param name="input">x, <c>[T, N, I]</c>.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="batchSize">N.</param>
    /// <param name="initialHidden">h before the first step, <c>[N, P]</c>; null for zeros.</param>
    /// <param name="initialCell">c before the first step, <c>[N, H]</c>; null for zeros. Ignored by a cell without c.</param>
    /// <param name="direction">Reverse walks from a row's last step to the first; the output at t belongs to the input at t either way.</param>
    /// <param name="lengths">Steps of every row, <c>[N]</c>, the padding behind them; null when all have T.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a size or the direction is out of range.</exception>
    public ReferenceResult Run(double[] input, int sequenceLength, int batchSize, double[]? initialHidden = null, double[]? initialCell = null,
        Direction direction = Direction.Forward, int[]? lengths = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        int T = sequenceLength, N = batchSize, I = _shape.InputSize, H = _shape.HiddenSize, P = _shape.OutputSize, G = _shape.GateCount;
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        ArgumentOutOfRangeException.ThrowIfNegative(batchSize);
        Defined.Require(direction);
        lengths = lengths is null ? null : new RowLengths().Take(T, N, lengths).ToArray();
        if (initialHidden is not null)
            Extents.Require(nameof(initialHidden), initialHidden.Length, "N×P", N, P);
        if (initialCell is not null)
            Extents.Require(nameof(initialCell), initialCell.Length, "N×H", N, H);
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, I);
        var result = new ReferenceResult(new double[T * N * P], new double[N * P], new double[N * H],
            new double[T * N * G * H], new double[T * N * G * H], new double[T * N * H]);
        initialHidden?.CopyTo(result.Hidden, 0);
        initialCell?.CopyTo(result.Cell, 0);
        var step = new Step(H, P, G);

        for (int n = 0; n < N; n++)
        {
            int length = lengths is null ? T : lengths[n];
            for (int s = 0; s < length; s++)
            {
                int t = direction == Direction.Forward ? s : length - 1 - s, row = t * N + n;
                Array.Copy(result.Hidden, n * P, step.Hidden, 0, P);
                Array.Copy(result.Cell, n * H, step.Cell, 0, H);
                switch (_shape.Cell)
                {
                    case CellKind.Elman: Elman(step, input, row * I); break;
                    case CellKind.Lstm: Lstm(step, input, row * I); break;
                    default: Gru(step, input, row * I); break;
                }

                step.NextHidden.CopyTo(result.Hidden, n * P);
                step.NextHidden.CopyTo(result.Output, row * P);
                step.NextCell.CopyTo(result.Cell, n * H);
                step.NextCell.CopyTo(result.Cells, row * H);
                step.Preactivation.CopyTo(result.Preactivations, row * G * H);
                step.Gate.CopyTo(result.Gates, row * G * H);
            }
        }

        return result;
    }

    /// <summary>h' = f(W x + R h + b).</summary>
    private void Elman(Step s, double[] x, int at)
    {
        for (int j = 0; j < _shape.HiddenSize; j++)
        {
            double a = s.Preactivation[j] = _b[j] + W(j, x, at) + R(j, s.Hidden);
            s.NextHidden[j] = s.Gate[j] = Function(_shape.CandidateActivation, a);
        }
    }

    /// <summary>
    /// i = σ(W x + R h + p_i∘c + b)   f likewise, or f = 1 − i   g = tanh(W x + R h + b)
    /// c' = f∘c + i∘g   o = σ(W x + R h + p_o∘c' + b)   m = o∘tanh(c')   h' = m, or W_p m
    /// </summary>
    private void Lstm(Step s, double[] x, int at)
    {
        int H = _shape.HiddenSize;
        bool peep = _shape.Peepholes;
        var m = new double[H];
        for (int j = 0; j < H; j++)
        {
            double c = s.Cell[j];
            double ai = _b[j] + W(j, x, at) + R(j, s.Hidden) + (peep ? _peepholes[j] * c : 0);
            double af = _b[H + j] + W(H + j, x, at) + R(H + j, s.Hidden) + (peep ? _peepholes[H + j] * c : 0);
            double ag = _b[2 * H + j] + W(2 * H + j, x, at) + R(2 * H + j, s.Hidden);
            double i = Function(_shape.GateActivation, ai);
            double f = _shape.CoupledInputForget ? 1 - i : Function(_shape.GateActivation, af);
            double g = Function(_shape.CandidateActivation, ag);
            double next = f * c + i * g;
            double ao = _b[3 * H + j] + W(3 * H + j, x, at) + R(3 * H + j, s.Hidden) + (peep ? _peepholes[2 * H + j] * next : 0);
            double o = Function(_shape.GateActivation, ao);
            s.NextCell[j] = next;
            m[j] = o * ReferenceActivation.Apply(_shape.CellActivation, next); // clip bounds preactivations only
            (s.Preactivation[j], s.Preactivation[H + j], s.Preactivation[2 * H + j], s.Preactivation[3 * H + j]) = (ai, af, ag, ao);
            (s.Gate[j], s.Gate[H + j], s.Gate[2 * H + j], s.Gate[3 * H + j]) = (i, f, g, o);
        }

        if (_shape.ProjectionSize == 0)
        {
            m.CopyTo(s.NextHidden, 0);
            return;
        }

        for (int p = 0; p < _shape.ProjectionSize; p++)
            s.NextHidden[p] = Dot(_projection, p * H, m, 0, H);
    }

    /// <summary>
    /// r = σ(W x + R h + b)   z likewise   n = tanh(W x + b_n + r∘(R h + b_hn)), or n = tanh(W x + R (r∘h) + b)
    /// h' = (1 − z)∘n + z∘h
    /// </summary>
    private void Gru(Step s, double[] x, int at)
    {
        int H = _shape.HiddenSize;
        var resetHidden = new double[H];
        for (int j = 0; j < H; j++)
        {
            s.Preactivation[j] = _b[j] + W(j, x, at) + R(j, s.Hidden);
            s.Preactivation[H + j] = _b[H + j] + W(H + j, x, at) + R(H + j, s.Hidden);
            s.Gate[j] = Function(_shape.GateActivation, s.Preactivation[j]);
            s.Gate[H + j] = Function(_shape.GateActivation, s.Preactivation[H + j]);
            resetHidden[j] = s.Gate[j] * s.Hidden[j];
        }

        for (int j = 0; j < H; j++)
        {
            double r = s.Gate[j], z = s.Gate[H + j];
            double recurrent = _shape.LinearBeforeReset ? r * (R(2 * H + j, s.Hidden) + _b[3 * H + j]) : R(2 * H + j, resetHidden);
            double a = _b[2 * H + j] + W(2 * H + j, x, at) + recurrent;
            double n = Function(_shape.CandidateActivation, a);
            s.Preactivation[2 * H + j] = a;
            s.Gate[2 * H + j] = n;
            s.NextHidden[j] = (1 - z) * n + z * s.Hidden[j];
        }
    }

    private double Function(ActivationFunction function, double a) =>
        ReferenceActivation.Apply(function, double.IsNaN(a) ? a : Math.Clamp(a, -_shape.Clip, _shape.Clip));

    private double W(int row, double[] x, int at) => Dot(_w, row * _shape.InputSize, x, at, _shape.InputSize);

    private double R(int row, double[] h) => Dot(_r, row * _shape.OutputSize, h, 0, _shape.OutputSize);

    private static double Dot(double[] matrix, int row, double[] vector, int at, int count)
    {
        double sum = 0;
        for (int k = 0; k < count; k++)
            sum += matrix[row + k] * vector[at + k];
        return sum;
    }

    /// <summary>One row's memory of one step.</summary>
    private sealed class Step(int H, int P, int G)
    {
        public readonly double[] Hidden = new double[P], Cell = new double[H], NextHidden = new double[P], NextCell = new double[H];
        public readonly double[] Preactivation = new double[G * H], Gate = new double[G * H];
    }

    /// <summary>
    /// ∂h_T/∂h_t of an Elman layer over the last steps of a run, <c>[H, H]</c>, row i the unit of h_T, column j the unit
    /// of h_t: the product of <c>diag(f'(a)) R</c> over the steps between, by the chain rule.
    /// </summary>
    /// <param name="output">The outputs <c>[T, 1, H]</c> of a run over one row.</param>
    /// <param name="from">t, the step whose h is varied, counted from 0.</param>
    /// <param name="to">T, the step whose h is watched.</param>
    /// <exception cref="NotSupportedException">The layer is no Elman layer.</exception>
    public double[] HiddenGradient(double[] output, int from, int to)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (_shape.Cell != CellKind.Elman)
            throw new NotSupportedException("HiddenGradient is written for Elman layers.");
        int H = _shape.HiddenSize;
        var product = new double[H * H];
        for (int i = 0; i < H; i++)
            product[i * H + i] = 1;

        for (int t = from + 1; t <= to; t++)
        {
            var next = new double[H * H];
            for (int i = 0; i < H; i++)
            {
                double slope = DerivativeFromOutput(output[t * H + i]);
                for (int j = 0; j < H; j++)
                {
                    double sum = 0;
                    for (int k = 0; k < H; k++)
                        sum += _r[i * H + k] * product[k * H + j];
                    next[i * H + j] = slope * sum;
                }
            }

            product = next;
        }

        return product;
    }

    private double DerivativeFromOutput(double h) => _shape.Activation switch
    {
        Activation.Linear => 1,
        Activation.Sigmoid => h * (1 - h),
        Activation.Tanh => 1 - h * h,
        Activation.Relu => h > 0 ? 1 : 0,
        _ => throw new NotSupportedException($"The derivative of {_shape.CandidateActivation} is not written yet; linear, sigmoid, tanh and relu are."),
    };

    internal static double[] Widen(ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        return wide;
    }
}
