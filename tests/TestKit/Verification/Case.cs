using FastRecurrence.Reference;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Verification;

/// <summary>One layer forward: outputs, gates and the final c are checked.</summary>
internal sealed class Case : ICase
{
    private static readonly string[] s_lstmGates = ["i", "f", "g", "o"], s_gruGates = ["r", "z", "n"], s_elmanGates = ["a"];

    private readonly Problem _problem;
    private readonly ReferenceResult _exact;

    public Case(ProblemSize size, int seed)
    {
        Size = size;
        _problem = new Problem(size.Shape, size.SequenceLength, size.BatchSize, seed);
        _exact = _problem.Exact;
    }

    public ProblemSize Size { get; }

    public void Verify(Backend backend, VerifiedCell found)
    {
        LayerShape shape = Size.Shape;
        using RecurrentLayer layer = backend.Prepare(_problem.Weights);
        using LayerState state = _problem.Start(layer);
        // NaN where nothing is written: a value that a kernel forgets diverges.
        float[] output = Unwritten(_exact.Output.Length), gates = Unwritten(_exact.Gates.Length);
        layer.Run(state, Size.SequenceLength, _problem.Input, output, gates);

        float[] cell = Unwritten(shape.HasCellState ? _exact.Cell.Length : 0);
        if (shape.HasCellState)
            state.CopyCellTo(cell);
        found.Add(Values(output, gates, cell), Tolerance.Of(backend, _problem.Deviation));
    }

    private IEnumerable<OutputLocation> Values(float[] output, float[] gates, float[] cell)
    {
        LayerShape shape = Size.Shape;
        int T = Size.SequenceLength, N = Size.BatchSize, H = Size.HiddenSize, G = shape.GateCount;
        string[] gateNames = shape.Cell switch { CellKind.Lstm => s_lstmGates, CellKind.Gru => s_gruGates, _ => s_elmanGates };
        for (int t = 0; t < T; t++)
        {
            for (int n = 0; n < N; n++)
            {
                int row = t * N + n;
                for (int gate = 0; gate < G; gate++)
                {
                    for (int j = 0; j < H; j++)
                        yield return At(gateNames[gate], t, n, j, _exact.Gates[(row * G + gate) * H + j], gates[(row * G + gate) * H + j]);
                }

                for (int j = 0; j < H; j++)
                    yield return At("h", t, n, j, _exact.Output[row * H + j], output[row * H + j]);
            }
        }

        for (int i = 0; i < cell.Length; i++)
            yield return At("c", T - 1, i / H, i % H, _exact.Cell[i], cell[i]);

        OutputLocation At(string quantity, int t, int n, int j, double exact, double actual) => new(Size.Id, quantity, t, n, j, exact, actual);
    }

    private static float[] Unwritten(int length)
    {
        var values = new float[length];
        Array.Fill(values, float.NaN);
        return values;
    }
}
