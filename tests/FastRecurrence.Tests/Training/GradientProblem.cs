using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>
/// A small layer in double with a loss that leaves no gradient out: L = Σ y∘dy + Σ h_T∘dh + Σ c_T∘dc with random dy, dh, dc,
/// h_T and c_T being each row's own last ones. Drawn again until no preactivation is so near a kink that a difference could straddle it.
/// </summary>
internal sealed class GradientProblem
{
    private const double KinkMargin = 1e-3;

    private readonly ReferenceLayer _layer;
    private readonly ReferenceBackwardInput _input;

    private GradientProblem(LayerShape shape, int T, int N, bool ragged, Direction direction, int seed, ReferenceZoneout? zoneout)
    {
        var random = new Random(seed);
        double[] Uniform(int count, double bound) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble() - 1) * bound)];
        _layer = new ReferenceLayer(shape, Uniform(shape.InputWeightCount, 0.7), Uniform(shape.RecurrentWeightCount, 0.7), Uniform(shape.BiasCount, 0.7),
            Uniform(shape.PeepholeCount, 0.7), Uniform(shape.ProjectionCount, 0.7));
        _input = new ReferenceBackwardInput
        {
            Input = Uniform(T * N * shape.InputSize, 1),
            SequenceLength = T,
            BatchSize = N,
            InitialHidden = Uniform(N * shape.OutputSize, 0.7),
            InitialCell = shape.HasCellState ? Uniform(N * shape.HiddenSize, 0.7) : null,
            Direction = direction,
            Zoneout = zoneout,
            // The last row is a full one, the others are shorter and shorter: unsorted, and no two alike.
            Lengths = ragged ? [.. Enumerable.Range(0, N).Select(n => Math.Max(0, T - 2 * (N - 1 - n)))] : null,
            OutputGradient = Uniform(T * N * shape.OutputSize, 1),
            FinalHiddenGradient = Uniform(N * shape.OutputSize, 1),
            FinalCellGradient = shape.HasCellState ? Uniform(N * shape.HiddenSize, 1) : null,
        };
    }

    public ReferenceLayer Layer => _layer;

    public ReferenceBackwardInput Input => _input;

    public static GradientProblem Draw(LayerShape shape, int T = 6, int N = 2, bool ragged = false, Direction direction = Direction.Forward,
        ReferenceZoneout? zoneout = null)
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            var problem = new GradientProblem(shape, T, N, ragged, direction, seed, zoneout);
            if (!problem.IsNearKink())
                return problem;
        }

        throw new InvalidOperationException($"{shape}: 200 draws in a row lie near a kink.");
    }

    public ReferenceResult Run() => _layer.Run(_input);

    public double Loss()
    {
        ReferenceResult run = Run(); // outputs in the padding are 0, so dy there does not matter
        return Dot(run.Output, _input.OutputGradient!) + Dot(run.Hidden, _input.FinalHiddenGradient!) + (_input.FinalCellGradient is null ? 0 : Dot(run.Cell, _input.FinalCellGradient));
    }

    /// <summary>Every array that the loss depends on, with its gradient.</summary>
    public IEnumerable<(string Name, double[] Values, double[] Gradient)> Parts(ReferenceGradients gradients)
    {
        yield return ("x", _input.Input, gradients.Input);
        yield return ("W", _layer.InputWeights, gradients.InputWeights);
        yield return ("R", _layer.RecurrentWeights, gradients.RecurrentWeights);
        yield return ("b", _layer.Bias, gradients.Bias);
        yield return ("peepholes", _layer.Peepholes, gradients.Peepholes);
        yield return ("W_p", _layer.Projection, gradients.Projection);
        yield return ("h0", _input.InitialHidden!, gradients.InitialHidden);
        if (_input.InitialCell is not null)
            yield return ("c0", _input.InitialCell, gradients.InitialCell);
    }

    /// <summary>The largest |central difference − gradient| of every part, in units of max(1, max |gradient|).</summary>
    public Dictionary<string, double> Errors(ReferenceGradients gradients, double e = 1e-5)
    {
        var errors = new Dictionary<string, double>();
        foreach ((string name, double[] values, double[] gradient) in Parts(gradients))
        {
            Assert.Equal(values.Length, gradient.Length);
            double worst = 0, scale = Math.Max(1, gradient.Select(Math.Abs).DefaultIfEmpty().Max());
            for (int i = 0; i < values.Length; i++)
            {
                double value = values[i];
                values[i] = value + e;
                double up = Loss();
                values[i] = value - e;
                double down = Loss();
                values[i] = value;
                worst = Math.Max(worst, Math.Abs((up - down) / (2 * e) - gradient[i]) / scale);
            }

            errors.Add(name, worst);
        }

        return errors;
    }

    private bool IsNearKink()
    {
        LayerShape shape = _layer.Shape;
        ReferenceResult run = Run();
        int H = shape.HiddenSize, G = shape.GateCount;
        for (int i = 0; i < run.Preactivations.Length; i++)
        {
            int gate = i / H % G;
            bool candidate = shape.Cell switch { CellKind.Lstm => gate == 2, CellKind.Gru => gate == 2, _ => true };
            double[] kinks = [.. Kinks(candidate ? shape.CandidateActivation : shape.GateActivation), -shape.Clip, shape.Clip];
            if (IsReal(i / (G * H)) && kinks.Any(kink => Math.Abs(run.Preactivations[i] - kink) < KinkMargin))
                return true;
        }

        double[] cellKinks = shape.HasCellState ? Kinks(shape.CellActivation) : [];
        return run.Cells.Where((_, i) => IsReal(i / H)).Any(c => cellKinks.Any(kink => Math.Abs(c - kink) < KinkMargin));
    }

    private bool IsReal(int row) => row / _input.BatchSize < _input.LengthOf(row % _input.BatchSize);

    /// <summary>Where the function, its slope or its curvature jumps.</summary>
    private static double[] Kinks(ActivationFunction f) => f.Kind switch
    {
        Activation.Relu or Activation.LeakyRelu or Activation.Elu or Activation.Softsign => [0],
        Activation.ThresholdedRelu => [f.Alpha],
        Activation.HardSigmoid when f.Alpha != 0 => [-f.Beta / f.Alpha, (1 - f.Beta) / f.Alpha],
        _ => [],
    };

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
