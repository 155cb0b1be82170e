namespace FastRecurrence.Reference;

/// <summary>
/// The judge: one layer as plain loops in double beside their equations, sharing no code with the kernels. Slow on
/// purpose; allocates freely. All arrays row-major, sequences time-major.
/// </summary>
public sealed class ReferenceLayer
{
    private readonly LayerShape _shape;
    private readonly double[] _w, _r, _b;

    /// <summary>Takes W <c>[G·H, I]</c>, R <c>[G·H, H]</c> and b <c>[G·H]</c> in double.</summary>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    public ReferenceLayer(LayerShape shape, double[] inputWeights, double[] recurrentWeights, double[] bias)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(inputWeights);
        ArgumentNullException.ThrowIfNull(recurrentWeights);
        ArgumentNullException.ThrowIfNull(bias);
        Extents.Require(nameof(inputWeights), inputWeights.Length, "G×H×I", shape.GateCount, shape.HiddenSize, shape.InputSize);
        Extents.Require(nameof(recurrentWeights), recurrentWeights.Length, "G×H×H", shape.GateCount, shape.HiddenSize, shape.HiddenSize);
        Extents.Require(nameof(bias), bias.Length, "G×H", shape.GateCount, shape.HiddenSize);
        (_shape, _w, _r, _b) = (shape, inputWeights, recurrentWeights, bias);
    }

    /// <summary>Widens float weights.</summary>
    public ReferenceLayer(LayerWeights weights)
        : this((weights ?? throw new ArgumentNullException(nameof(weights))).Shape, Widen(weights.InputWeights), Widen(weights.RecurrentWeights), Widen(weights.Bias))
    {
    }

    /// <summary>What the layer computes.</summary>
    public LayerShape Shape => _shape;

    /// <summary>Runs T steps over N rows.</summary>
    /// <param name="input">x, <c>[T, N, I]</c>.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="batchSize">N.</param>
    /// <param name="initialHidden">h before the first step, <c>[N, H]</c>; null for zeros.</param>
    /// <param name="initialCell">c before the first step, <c>[N, H]</c>; null for zeros. Ignored by an Elman cell.</param>
    /// <param name="direction">Reverse walks from the last step to the first; the output at t belongs to the input at t either way.</param>
    public ReferenceResult Run(double[] input, int sequenceLength, int batchSize, double[]? initialHidden = null, double[]? initialCell = null, Direction direction = Direction.Forward)
    {
        ArgumentNullException.ThrowIfNull(input);
        int T = sequenceLength, N = batchSize, I = _shape.InputSize, H = _shape.HiddenSize, G = _shape.GateCount;
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, I);
        var result = new ReferenceResult(new double[T * N * H], new double[N * H], new double[N * H], new double[T * N * G * H], new double[T * N * G * H]);
        initialHidden?.CopyTo(result.Hidden, 0);
        initialCell?.CopyTo(result.Cell, 0);
        var before = new double[H];
        var a = new double[G];

        for (int step = 0; step < T; step++)
        {
            int t = direction == Direction.Forward ? step : T - 1 - step;
            for (int n = 0; n < N; n++)
            {
                Array.Copy(result.Hidden, n * H, before, 0, H);
                for (int j = 0; j < H; j++)
                {
                    // a = W x + R h + b, for every gate of unit j
                    for (int gate = 0; gate < G; gate++)
                    {
                        int row = gate * H + j;
                        double sum = _b[row];
                        for (int k = 0; k < I; k++)
                            sum += _w[row * I + k] * input[(t * N + n) * I + k];
                        for (int k = 0; k < H; k++)
                            sum += _r[row * H + k] * before[k];
                        a[gate] = sum;
                        result.Preactivations[((t * N + n) * G + gate) * H + j] = sum;
                    }

                    double h = Advance(a, ref result.Cell[n * H + j]);
                    for (int gate = 0; gate < G; gate++)
                        result.Gates[((t * N + n) * G + gate) * H + j] = a[gate];
                    result.Hidden[n * H + j] = h;
                    result.Output[(t * N + n) * H + j] = h;
                }
            }
        }

        return result;
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

    private double Advance(Span<double> a, ref double c)
    {
        if (_shape.Cell == CellKind.Elman)
        {
            // h = f(a)
            a[0] = Activate(_shape.Activation, a[0]);
            return a[0];
        }

        // i, f, o = σ(a);  g = tanh(a);  c = f∘c + i∘g;  h = o∘tanh(c)
        a[0] = Sigmoid(a[0]);
        a[1] = Sigmoid(a[1]);
        a[2] = Math.Tanh(a[2]);
        a[3] = Sigmoid(a[3]);
        c = a[1] * c + a[0] * a[2];
        return a[3] * Math.Tanh(c);
    }

    /// <summary>An activation in double.</summary>
    public static double Activate(Activation activation, double x) => activation switch
    {
        Activation.Linear => x,
        Activation.Sigmoid => Sigmoid(x),
        Activation.Tanh => Math.Tanh(x),
        Activation.Relu => x < 0 ? 0 : x,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "unknown activation"),
    };

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private double DerivativeFromOutput(double h) => _shape.Activation switch
    {
        Activation.Linear => 1,
        Activation.Sigmoid => h * (1 - h),
        Activation.Tanh => 1 - h * h,
        _ => h > 0 ? 1 : 0,
    };

    internal static double[] Widen(ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        return wide;
    }
}
