using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Exercises;

/// <summary>A layer of the sheet with its numbers in double.</summary>
internal sealed record SheetLayer(LayerShape Shape, double[] W, double[] R, double[] B);

/// <summary>What a layer did, in double whatever computed it: h <c>[T, N, H]</c>, c <c>[T, N, H]</c> (LSTM), gates <c>[T, N, G, H]</c>.</summary>
internal sealed record SheetTrace(double[] Hidden, double[] Cell, double[] Gates);

/// <summary>
/// What the exercises ask of a backend, in double here: the reference computes in double and is held to 1e-12,
/// the others take and give floats and are held to 1e-6.
/// </summary>
internal abstract class ExerciseMachine(Backend backend, double tolerance)
{
    public Backend Backend { get; } = backend;

    /// <summary>The backend's name.</summary>
    public string Name => Backend.Name;

    /// <summary>Where y is computed: a device has no output layer.</summary>
    public Backend OutputBackend => Backend.All.Contains(Backend) ? Backend : Backend.Simd;

    /// <summary>Largest absolute error of a right number.</summary>
    public double Tolerance { get; } = tolerance;

    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    public static ExerciseMachine On(Backend backend)
    {
        if (!backend.IsAvailable)
            throw new BackendUnavailableException(backend.Name, backend.UnavailableReason!);
        return ReferenceEquals(backend, Backend.Reference) ? new InDouble() : new ThroughTheApi(backend);
    }

    /// <summary>Runs N rows over the steps of <paramref name="x"/> <c>[T, N, I]</c>; absent states are zero.</summary>
    public abstract SheetTrace Run(SheetLayer layer, double[] x, int T, int N = 1, double[]? h0 = null, double[]? c0 = null);

    /// <summary><c>y = f(W_y h + b_y)</c> for every row of <paramref name="hidden"/>.</summary>
    public abstract double[] Output(double[] hidden, double[] W, double[] b, Activation activation);

    private sealed class InDouble() : ExerciseMachine(Backend.Reference, TestKit.Tolerance.SheetInDouble)
    {
        public override SheetTrace Run(SheetLayer layer, double[] x, int T, int N, double[]? h0, double[]? c0)
        {
            var reference = new ReferenceLayer(layer.Shape, layer.W, layer.R, layer.B);
            int xStep = N * layer.Shape.InputSize;
            var trace = new Collector();
            (double[]? h, double[]? c) = (h0, c0);
            for (int t = 0; t < T; t++)
            {
                ReferenceResult step = reference.Run(x[(t * xStep)..((t + 1) * xStep)], 1, N, h, c);
                (h, c) = (step.Hidden, step.Cell);
                trace.Add(step.Output, step.Cell, step.Gates);
            }

            return trace.ToTrace();
        }

        public override double[] Output(double[] hidden, double[] W, double[] b, Activation activation) =>
            ReferenceOutput.Apply(hidden, W, b, activation);
    }

    private sealed class ThroughTheApi(Backend backend) : ExerciseMachine(backend, TestKit.Tolerance.Sheet)
    {
        public override SheetTrace Run(SheetLayer layer, double[] x, int T, int N, double[]? h0, double[]? c0)
        {
            LayerShape shape = layer.Shape;
            using RecurrentLayer prepared = Backend.Prepare(new LayerWeights(shape, Narrow(layer.W), Narrow(layer.R), Narrow(layer.B)));
            using LayerState state = prepared.CreateState(N);
            if (h0 is not null)
                state.SetHidden(Narrow(h0));
            if (c0 is not null)
                state.SetCell(Narrow(c0));

            // Step by step where c is wanted after each; an Elman layer is asked for the whole sequence at once.
            int stepsPerCall = shape.HasCellState ? 1 : T;
            var trace = new Collector();
            var output = new float[stepsPerCall * N * shape.HiddenSize];
            var gates = new float[shape.GateCount * output.Length];
            var cell = new float[shape.HasCellState ? output.Length : 0];
            int xCall = stepsPerCall * N * shape.InputSize;
            for (int call = 0; call < T / stepsPerCall; call++)
            {
                prepared.Run(state, stepsPerCall, Narrow(x.AsSpan(call * xCall, xCall)), output, gates);
                if (shape.HasCellState)
                    state.CopyCellTo(cell);
                trace.Add(Widen(output), Widen(cell), Widen(gates));
            }

            return trace.ToTrace();
        }

        public override double[] Output(double[] hidden, double[] W, double[] b, Activation activation)
        {
            int H = W.Length / b.Length, rows = hidden.Length / H;
            using var layer = new OutputLayer(OutputBackend, H, b.Length, Narrow(W), Narrow(b), activation);
            var y = new float[rows * b.Length];
            layer.Run(Narrow(hidden), y);
            return Widen(y);
        }

        private static float[] Narrow(ReadOnlySpan<double> values)
        {
            var narrow = new float[values.Length];
            for (int i = 0; i < narrow.Length; i++)
                narrow[i] = (float)values[i];
            return narrow;
        }

        private static double[] Widen(float[] values) => Array.ConvertAll(values, v => (double)v);
    }

    private sealed class Collector
    {
        private readonly List<double> _hidden = [], _cell = [], _gates = [];

        public void Add(double[] hidden, double[] cell, double[] gates)
        {
            _hidden.AddRange(hidden);
            _cell.AddRange(cell);
            _gates.AddRange(gates);
        }

        public SheetTrace ToTrace() => new([.. _hidden], [.. _cell], [.. _gates]);
    }
}
