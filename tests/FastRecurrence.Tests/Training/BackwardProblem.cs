using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>A layer in float with a loss that leaves no gradient out, and the exact gradients of the same numbers.</summary>
internal sealed class BackwardProblem
{
    private readonly Direction _direction;

    public BackwardProblem(LayerShape shape, int T, int N, bool ragged = false, Direction direction = Direction.Forward, int seed = 1)
    {
        (Shape, this.T, this.N, _direction) = (shape, T, N, direction);
        var random = new Random(seed + 31 * shape.HiddenSize + 7 * shape.InputSize + N);
        float[] Uniform(int count, double bound) => [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble() - 1) * bound))];
        double small = 1 / Math.Sqrt(shape.HiddenSize);
        Weights = new LayerWeights(shape, Uniform(shape.InputWeightCount, small), Uniform(shape.RecurrentWeightCount, small), Uniform(shape.BiasCount, 0.5),
            Uniform(shape.PeepholeCount, 0.5), Uniform(shape.ProjectionCount, small));
        (Input, OutputGradient) = (Uniform(T * N * shape.InputSize, 1), Uniform(T * N * shape.OutputSize, 1));
        (Hidden, FinalHidden) = (Uniform(N * shape.OutputSize, 0.7), Uniform(N * shape.OutputSize, 1));
        (Cell, FinalCell) = shape.HasCellState ? (Uniform(N * shape.HiddenSize, 0.7), Uniform(N * shape.HiddenSize, 1)) : ([], []);
        // Unsorted, with a row without steps where there are enough.
        Lengths = ragged ? [.. Enumerable.Range(0, N).Select(n => (n * 5 + 2) % (T + 1))] : null;
    }

    private BackwardProblem(BackwardProblem whole, int T, int N)
    {
        (Shape, this.T, this.N, Weights) = (whole.Shape, T, N, whole.Weights);
        (Input, OutputGradient, Hidden, Cell, FinalHidden, FinalCell) = ([], [], [], [], [], []);
    }

    public LayerShape Shape { get; }

    public int T { get; }

    public int N { get; }

    public LayerWeights Weights { get; }

    public float[] Input { get; private init; }

    public float[] OutputGradient { get; private init; }

    public float[] Hidden { get; private init; }

    public float[] Cell { get; private init; }

    public float[] FinalHidden { get; private init; }

    public float[] FinalCell { get; private init; }

    public int[]? Lengths { get; }

    /// <summary>Shares that runs zone out; nothing unless a test says so.</summary>
    public Zoneout Zoneout { get; init; }

    private const ulong ZoneoutSeed = 5;

    public override string ToString() => $"{Shape}_t{T}_n{N}{(Lengths is null ? "" : "_ragged")}{(_direction == Direction.Forward ? "" : "_reverse")}";

    public SequenceOptions Options => new() { Lengths = Lengths, Direction = _direction };

    public ReferenceGradients Exact() => new ReferenceLayer(Weights).Backward(new ReferenceBackwardInput
    {
        Input = Widen(Input),
        SequenceLength = T,
        BatchSize = N,
        InitialHidden = Widen(Hidden),
        InitialCell = Shape.HasCellState ? Widen(Cell) : null,
        Direction = _direction,
        Lengths = Lengths,
        OutputGradient = Widen(OutputGradient),
        FinalHiddenGradient = Widen(FinalHidden),
        FinalCellGradient = Shape.HasCellState ? Widen(FinalCell) : null,
        Zoneout = Zoneout == default ? null : new ReferenceZoneout(new ZoneoutMask(Zoneout.Hidden, Zoneout.IsExpected, ZoneoutSeed, 0),
            new ZoneoutMask(Zoneout.Cell, Zoneout.IsExpected, ZoneoutSeed, 1)),
    });

    /// <summary>Forward with a tape and backward; whatever was in the outputs before must not matter.</summary>
    public Dictionary<string, float[]> Run(Backend backend, WorkerTeam? team = null, bool withNorms = false)
    {
        using TrainingLayer layer = backend.PrepareForTraining(Weights);
        using LayerState state = layer.CreateState(N, team);
        Set(state);
        float[] y = Poison(T * N * Shape.OutputSize), dx = Poison(Input.Length), dh0 = Poison(Hidden.Length), dc0 = Poison(Cell.Length);
        using TrainingTape tape = layer.CreateTape(T, N, team);
        (tape.Zoneout, tape.ZoneoutSeed) = (Zoneout, ZoneoutSeed);
        LayerGradients gradients = layer.CreateGradients();
        double[] norms = new double[T + 1];
        Array.Fill(norms, double.NaN);
        layer.Run(state, tape, T, Input, y, Options);
        layer.Backward(tape, Input, y, OutputGradient, gradients, new BackwardOptions
        {
            FinalHidden = FinalHidden,
            FinalCell = FinalCell,
            Input = dx,
            InitialHidden = dh0,
            InitialCell = dc0,
            StateNorms = withNorms ? norms : default,
        });
        return new()
        {
            ["y"] = y,
            ["dx"] = dx,
            ["dh0"] = dh0,
            ["dc0"] = dc0,
            ["dW"] = [.. gradients.InputWeights],
            ["dR"] = [.. gradients.RecurrentWeights],
            ["db"] = [.. gradients.Bias],
            ["dp"] = [.. gradients.Peepholes],
            ["dWp"] = [.. gradients.Projection],
            ["norms"] = withNorms ? [.. norms.Select(norm => (float)norm)] : [],
        };
    }

    public void Set(LayerState state)
    {
        state.SetHidden(Hidden);
        if (Shape.HasCellState)
            state.SetCell(Cell);
    }

    /// <summary>Some steps and rows of it; h, c and what the loss asks of the last ones stay those of the rows.</summary>
    public BackwardProblem Part(int firstStep, int steps, int first, int count)
    {
        int I = Shape.InputSize, H = Shape.HiddenSize, P = Shape.OutputSize;
        return new BackwardProblem(this, steps, count)
        {
            Input = Rows(Input, T, N, I, firstStep, steps, first, count),
            OutputGradient = Rows(OutputGradient, T, N, P, firstStep, steps, first, count),
            Hidden = Rows(Hidden, 1, N, P, 0, 1, first, count),
            FinalHidden = Rows(FinalHidden, 1, N, P, 0, 1, first, count),
            Cell = Shape.HasCellState ? Rows(Cell, 1, N, H, 0, 1, first, count) : [],
            FinalCell = Shape.HasCellState ? Rows(FinalCell, 1, N, H, 0, 1, first, count) : [],
        };
    }

    public static float[] Rows(float[] sequence, int T, int N, int width, int firstStep, int steps, int first, int count)
    {
        Assert.Equal(T * N * width, sequence.Length);
        var rows = new float[steps * count * width];
        for (int t = 0; t < steps; t++)
            Array.Copy(sequence, ((firstStep + t) * N + first) * width, rows, t * count * width, count * width);
        return rows;
    }

    public static float[] Poison(int length)
    {
        var memory = new float[length];
        Array.Fill(memory, float.NaN);
        return memory;
    }

    public static double[] Widen(float[] values) => [.. values.Select(v => (double)v)];
}
