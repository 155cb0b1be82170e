using System.Globalization;
using System.Runtime.InteropServices;

namespace FastRecurrence.Tests.Bits;

/// <summary>
/// One call of the CPU kernels with inputs that depend on its id alone, and a hash of every bit that the call writes: outputs, gates, c of every
/// step and the final state.
/// </summary>
internal sealed record BitProblem(string Id, LayerShape Shape, int T, int N)
{
    public int Workers { get; init; } = 1;

    public bool Ragged { get; init; }

    public bool WantGates { get; init; }

    public Direction Direction { get; init; }

    public SequenceLayout Layout { get; init; }

    public Padding Padding { get; init; }

    public WeightFormat Format { get; init; }

    /// <summary>Runs on a backend; a team's threads are the caller's, so that many problems share them.</summary>
    public ulong Hash(Backend backend, WorkerTeam team)
    {
        var numbers = new Numbers(Id);
        LayerShape s = Shape;
        float scale = 1 / MathF.Sqrt(s.HiddenSize);
        var weights = new LayerWeights(s, numbers.Next(s.InputWeightCount, 1 / MathF.Sqrt(Math.Max(1, s.InputSize))), numbers.Next(s.RecurrentWeightCount, scale),
            numbers.Next(s.BiasCount, scale), numbers.Next(s.PeepholeCount, scale), numbers.Next(s.ProjectionCount, scale));
        using RecurrentLayer layer = backend.Prepare(weights, Format);
        using LayerState state = layer.CreateState(N, Workers > 1 ? team : null);
        state.SetHidden(numbers.Next(N * s.OutputSize, 1));
        if (s.HasCellState)
            state.SetCell(numbers.Next(N * s.HiddenSize, 1));
        float[] x = numbers.Next(T * N * s.InputSize, 1), y = new float[T * N * s.OutputSize];
        float[] gates = new float[WantGates ? T * N * s.GateCount * s.HiddenSize : 0], cells = new float[WantGates && s.HasCellState ? T * N * s.HiddenSize : 0];
        int[] lengths = Ragged ? [.. Enumerable.Range(0, N).Select(n => (n * 7 + 3) % (T + 1))] : [];
        layer.Run(state, T, x, y, new SequenceOptions { Lengths = lengths, Direction = Direction, Layout = Layout, Padding = Padding, Gates = gates, Cells = cells });
        float[] h = new float[N * s.OutputSize], c = new float[s.HasCellState ? N * s.HiddenSize : 0];
        state.CopyHiddenTo(h);
        if (s.HasCellState)
            state.CopyCellTo(c);

        ulong hash = 14695981039346656037;
        foreach (float[] values in (float[][])[y, gates, cells, h, c])
        {
            foreach (uint word in MemoryMarshal.Cast<float, uint>(values))
                hash = (hash ^ word) * 1099511628211;
        }

        return hash;
    }

    public override string ToString() => Id;

    /// <summary>Every problem of the recorded file, in its order.</summary>
    public static IEnumerable<BitProblem> All()
    {
        foreach ((LayerShape shape, int T, int N) in Shapes())
        {
            BitProblem dense = new($"{shape}_t{T}_n{N}", shape, T, N);
            yield return dense;
            if (N <= 7)
                yield return dense with { Id = dense.Id + "_gates", WantGates = true };
            if (T > 1 && N > 1)
            {
                yield return dense with { Id = dense.Id + "_ragged", Ragged = true };
                yield return dense with { Id = dense.Id + "_ragged-left-reverse", Ragged = true, Padding = Padding.Left, Direction = Direction.Reverse, WantGates = N <= 7 };
                yield return dense with { Id = dense.Id + "_batch-major-reverse", Layout = SequenceLayout.BatchMajor, Direction = Direction.Reverse };
            }
        }

        foreach ((LayerShape shape, int T, int N) in Large())
        {
            BitProblem one = new($"{shape}_t{T}_n{N}", shape, T, N);
            yield return one;
            yield return one with { Id = one.Id + "_team", Workers = 2 };
            if (N > 1)
                yield return one with { Id = one.Id + "_team-ragged", Workers = 2, Ragged = true };
            if (N == 1 && shape.GateCount * shape.HiddenSize * (shape.InputSize + shape.OutputSize) > 700_000)
            {
                yield return one with { Id = one.Id + "_bf16", Format = WeightFormat.Bfloat16 };
                yield return one with { Id = one.Id + "_int8", Format = WeightFormat.Int8 };
            }
        }
    }

    private static IEnumerable<(LayerShape Shape, int T, int N)> Shapes()
    {
        (int, int, int, int)[] sizes = [(3, 5, 4, 1), (5, 17, 3, 3), (0, 9, 2, 2), (9, 33, 3, 7)];
        foreach ((int I, int H, int T, int N) in sizes)
        {
            foreach (LayerShape shape in Variations(I, H))
                yield return (shape, T, N);
        }
    }

    private static IEnumerable<LayerShape> Variations(int I, int H)
    {
        LayerShape lstm = LayerShape.Lstm(I, H);
        yield return lstm;
        yield return LayerShape.Gru(I, H);
        yield return LayerShape.Gru(I, H, linearBeforeReset: false);
        yield return LayerShape.Gru(I, H) with { Clip = 0.4f };
        yield return LayerShape.Gru(I, H) with { GateActivation = Activation.HardSigmoid, CandidateActivation = Activation.Softsign };
        yield return LayerShape.Gru(I, H, linearBeforeReset: false) with { Clip = 0.4f, CandidateActivation = Activation.Relu };
        yield return lstm with { Peepholes = true };
        yield return lstm with { CoupledInputForget = true };
        yield return lstm with { Clip = 0.3f };
        yield return lstm with { CandidateActivation = Activation.Relu, CellActivation = Activation.Relu };
        yield return lstm with
        {
            Peepholes = true,
            CoupledInputForget = true,
            Clip = 0.5f,
            GateActivation = Activation.HardSigmoid,
            CandidateActivation = Activation.Elu,
            CellActivation = Activation.Softsign,
        };
        yield return lstm with { ProjectionSize = (H + 1) / 2 };
        yield return lstm with { ProjectionSize = H - 1, Peepholes = true };
        foreach (Activation kind in Enum.GetValues<Activation>())
            yield return LayerShape.Elman(I, H, kind is Activation.Affine or Activation.ScaledTanh ? new ActivationFunction(kind, 0.7f, 0.2f) : kind);
        yield return LayerShape.Elman(I, H) with { Clip = 0.9f };
    }

    private static IEnumerable<(LayerShape Shape, int T, int N)> Large()
    {
        (int, int, int, int)[] sizes = [(64, 64, 30, 1), (64, 64, 13, 16), (40, 130, 9, 37), (128, 256, 5, 1), (100, 300, 3, 5), (65, 97, 2, 101)];
        foreach ((int I, int H, int T, int N) in sizes)
        {
            yield return (LayerShape.Lstm(I, H), T, N);
            yield return (LayerShape.Gru(I, H), T, N);
            yield return (LayerShape.Gru(I, H, linearBeforeReset: false), T, N);
            yield return (LayerShape.Elman(I, H), T, N);
            yield return (LayerShape.Lstm(I, H) with { ProjectionSize = H / 2, Peepholes = true }, T, N);
        }
    }

    /// <summary>Uniform numbers from a 64-bit linear congruential generator that nothing else in the repository can change.</summary>
    private sealed class Numbers
    {
        private ulong _seed = 14695981039346656037;

        public Numbers(string id)
        {
            foreach (char c in id.Split("_team")[0])
                _seed = (_seed ^ c) * 1099511628211;
        }

        public float[] Next(int count, float scale)
        {
            var values = new float[count];
            for (int i = 0; i < count; i++)
            {
                _seed = _seed * 6364136223846793005 + 1442695040888963407;
                values[i] = ((int)(_seed >> 40) / (float)(1 << 23) - 1) * scale;
            }

            return values;
        }
    }

    /// <summary>The hash as the file has it.</summary>
    public static string Text(ulong hash) => hash.ToString("x16", CultureInfo.InvariantCulture);
}
