namespace FastRecurrence.Reference;

/// <summary>
/// The reference: one layer as plain loops in double beside their equations, sharing no code with the kernels. Slow on
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
        Extents.Require(nameof(recurrentWeights), recurrentWeights.Length, "G×H×P", shape.RecurrentBlockCount, shape.HiddenSize, shape.OutputSize);
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
    internal ReferenceGradients Backward(ReferenceBackwardInput input) => Backward(input, _shape.Definition.Reference);

    /// <summary>The same with given equations, so that tests can show that wrong ones are found.</summary>
    internal ReferenceGradients Backward(ReferenceBackwardInput input, ReferenceCell cell)
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
    /// <param name="direction">Reverse runs from a row's last step to the first; the output at t belongs to the input at t either way.</param>
    /// <param name="lengths">Steps of every row, <c>[N]</c>, the padding behind them; null when all have T.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a size or the direction is out of range.</exception>
    public ReferenceResult Run(double[] input, int sequenceLength, int batchSize, double[]? initialHidden = null, double[]? initialCell = null,
        Direction direction = Direction.Forward, int[]? lengths = null) =>
        Run(new ReferenceBackwardInput
        {
            Input = input ?? throw new ArgumentNullException(nameof(input)),
            SequenceLength = sequenceLength,
            BatchSize = batchSize,
            InitialHidden = initialHidden,
            InitialCell = initialCell,
            Direction = direction,
            Lengths = lengths,
        });

    /// <summary>The same, with zoneout. What a loss has to say is not read.</summary>
    internal ReferenceResult Run(ReferenceBackwardInput run)
    {
        double[] input = run.Input;
        double[]? initialHidden = run.InitialHidden, initialCell = run.InitialCell;
        (int sequenceLength, int batchSize, Direction direction, int[]? lengths) = (run.SequenceLength, run.BatchSize, run.Direction, run.Lengths);
        ArgumentNullException.ThrowIfNull(input);
        int T = sequenceLength, N = batchSize, I = _shape.InputSize, H = _shape.HiddenSize, P = _shape.OutputSize, G = _shape.GateCount;
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        ArgumentOutOfRangeException.ThrowIfNegative(batchSize);
        Defined.Require(direction);
        lengths = lengths is null or [] ? null : new RowLengths().Take(T, N, lengths).ToArray();
        if (initialHidden is not null)
            Extents.Require(nameof(initialHidden), initialHidden.Length, "N×P", N, P);
        if (initialCell is not null)
            Extents.Require(nameof(initialCell), initialCell.Length, "N×H", N, H);
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, I);
        var result = new ReferenceResult(new double[T * N * P], new double[N * P], new double[N * H],
            new double[T * N * G * H], new double[T * N * G * H], new double[T * N * H])
        {
            OwnCells = run.Zoneout is null ? [] : new double[T * N * H],
        };
        initialHidden?.CopyTo(result.Hidden, 0);
        initialCell?.CopyTo(result.Cell, 0);
        var step = new ReferenceStep(this);

        for (int n = 0; n < N; n++)
        {
            int length = lengths is null ? T : lengths[n];
            for (int s = 0; s < length; s++)
            {
                int t = direction == Direction.Forward ? s : length - 1 - s, row = t * N + n;
                Array.Copy(result.Hidden, n * P, step.Hidden, 0, P);
                Array.Copy(result.Cell, n * H, step.Cell, 0, H);
                Array.Copy(input, row * I, step.Input, 0, I);
                _shape.Definition.Reference.Step(step);
                if (run.Zoneout is not null)
                {
                    step.NextCell.CopyTo(result.OwnCells, row * H);
                    run.Zoneout.Mix(step, s, n);
                }

                step.NextHidden.CopyTo(result.Hidden, n * P);
                step.NextHidden.CopyTo(result.Output, row * P);
                step.NextCell.CopyTo(result.Cell, n * H);
                step.NextCell.CopyTo(result.Cells, row * H);
                step.Preactivations.CopyTo(result.Preactivations, row * G * H);
                step.Gates.CopyTo(result.Gates, row * G * H);
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
        if (_shape.Definition != Cells.Elman.Definition)
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

    /// <summary>Rows of zeros but for a 1 each; of zeros alone where there is no such feature, as in the padding.</summary>
    internal static double[] OneHot(ReadOnlySpan<int> features, int width)
    {
        var rows = new double[features.Length * width];
        for (int row = 0; row < features.Length; row++)
        {
            if ((uint)features[row] < (uint)width)
                rows[row * width + features[row]] = 1;
        }

        return rows;
    }

    internal static void Narrow(ReadOnlySpan<double> values, Span<float> destination)
    {
        for (int i = 0; i < values.Length; i++)
            destination[i] = (float)values[i];
    }

    internal static double[] Widen(ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        return wide;
    }
}
