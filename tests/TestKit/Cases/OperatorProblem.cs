using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Cases;

/// <summary>One call of an ONNX operator: its meaning, its weights and its inputs, checked.</summary>
internal sealed class OperatorProblem
{
    private readonly RecurrentOperator _meaning;
    private readonly LayerData<double>[] _weights;
    private readonly NumberTensor _x;
    private readonly int[]? _lengths;
    private readonly NumberTensor? _h0, _c0;
    private readonly int _T, _N;

    public OperatorProblem(RecurrentOperator meaning, LayerData<double>[] weights, NumberTensor x, NumberTensor? lengths, NumberTensor? initialHidden, NumberTensor? initialCell)
    {
        (_meaning, _weights, _x, _h0, _c0) = (meaning, weights, x, initialHidden, initialCell);
        long[] whole = lengths is null ? [] : Array.ConvertAll(lengths.Values, v => checked((long)v));
        (_T, _N) = meaning.CheckCall(x.Shape, initialHidden?.Shape, initialCell?.Shape, lengths?.Shape, whole);
        _lengths = lengths is null ? null : Array.ConvertAll(whole, v => (int)v);
    }

    private int D => _weights.Length;

    private int H => _meaning.Shapes[0].HiddenSize;

    private bool HasCell => _meaning.Shapes[0].HasCellState;

    private int[] OutputShape => _meaning.IsBatchMajor ? [_N, _T, D, H] : [_T, D, _N, H];

    private int[] StateShape => _meaning.IsBatchMajor ? [_N, D, H] : [D, _N, H];

    /// <summary>Y, Y_h and Y_c in double.</summary>
    public ExactOutputs Exact()
    {
        int I = _meaning.Shapes[0].InputSize;
        double[] x = _meaning.IsBatchMajor ? NumberTensor.SwapOuter(_x.Values, _N, _T, I) : _x.Values;
        double[] y = new double[_T * D * _N * H], h = new double[D * _N * H], c = new double[D * _N * H];
        double deviation = 0;
        for (int d = 0; d < D; d++)
        {
            LayerData<double> w = _weights[d];
            var layer = new ReferenceLayer(w.Shape, w.InputWeights, w.RecurrentWeights, w.Bias, w.Peepholes, w.Projection);
            var run = new LayerRun(x, _T, _N, Start(_h0, d), Start(_c0, d), _meaning.DirectionOf(d), _lengths);
            ReferenceResult r = run.Exact(layer);
            deviation = Math.Max(deviation, Rounding.Of(layer, run, r).Worst);
            for (int n = 0; n < _N; n++)
            {
                for (int t = 0; t < _T; t++)
                    Array.Copy(r.Output, (t * _N + n) * H, y, (_meaning.IsBatchMajor ? (n * _T + t) * D + d : (t * D + d) * _N + n) * H, H);
                if (_T == 0 || _lengths is not null && _lengths[n] == 0)
                    continue; // ONNX: a row without steps ends with zeros
                Array.Copy(r.Hidden, n * H, h, StateRow(d, n) * H, H);
                Array.Copy(r.Cell, n * H, c, StateRow(d, n) * H, H);
            }
        }

        var outputs = new Dictionary<string, NumberTensor> { ["Y"] = new(OutputShape, y), ["Y_h"] = new(StateShape, h) };
        if (HasCell)
            outputs.Add("Y_c", new NumberTensor(StateShape, c));
        return new ExactOutputs(outputs, deviation);
    }

    /// <summary>The outputs of a backend; every subset of <paramref name="subsets"/> must give the bits of all.</summary>
    public Dictionary<string, NumberTensor> Run(Backend backend, IReadOnlyList<string[]> subsets)
    {
        using var node = new OnnxOperator(backend, _meaning, [.. _weights.Select(w => w.ToWeights())]);
        Dictionary<string, NumberTensor> all = Run(node, ["Y", "Y_h", "Y_c"]);
        foreach (string[] subset in subsets)
        {
            foreach ((string name, NumberTensor values) in Run(node, subset))
            {
                if (!values.Values.AsSpan().SequenceEqual(all[name].Values))
                    throw new ModelFormatException(backend.Name, $"{name} has other bits when only [{string.Join(", ", subset)}] are wanted.");
            }
        }

        return all;
    }

    private Dictionary<string, NumberTensor> Run(OnnxOperator node, string[] asked)
    {
        float[] Room(string name, int[] shape, bool exists) => exists && asked.Contains(name) ? [.. Enumerable.Repeat(float.NaN, shape.Aggregate(1, (a, b) => a * b))] : [];
        float[] y = Room("Y", OutputShape, true), h = Room("Y_h", StateShape, true), c = Room("Y_c", StateShape, HasCell);
        node.Run(new OnnxInputs(_T, _N, _x.ToFloats()) { Lengths = _lengths, InitialHidden = _h0?.ToFloats(), InitialCell = _c0?.ToFloats() }, new OnnxOutputs { Y = y, LastHidden = h, LastCell = c });
        var outputs = new Dictionary<string, NumberTensor>();
        foreach ((string name, int[] shape, float[] values) in (ReadOnlySpan<(string, int[], float[])>)[("Y", OutputShape, y), ("Y_h", StateShape, h), ("Y_c", StateShape, c)])
        {
            if (asked.Contains(name) && (name != "Y_c" || HasCell))
                outputs.Add(name, NumberTensor.Of(shape, values));
        }

        return outputs;
    }

    private double[]? Start(NumberTensor? state, int d) =>
        state is null ? null : [.. Enumerable.Range(0, _N).SelectMany(n => state.Values.Skip(StateRow(d, n) * H).Take(H))];

    private int StateRow(int d, int n) => _meaning.IsBatchMajor ? n * D + d : d * _N + n;
}
