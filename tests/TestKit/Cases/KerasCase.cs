using System.Text.Json;
using FastRecurrence.Import;
using FastRecurrence.Reference;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A JSON case with a Keras layer: batch-major, perhaps masked, perhaps backwards.</summary>
internal sealed class KerasCase : ConformanceCase
{
    private readonly LayerData<double> _layer;
    private readonly NumberTensor _x;
    private readonly bool[] _mask;
    private readonly double[]? _h0, _c0;
    private readonly bool _backwards, _sequences, _zero;
    private readonly int _N, _T;

    public KerasCase(string name, JsonElement json)
        : base(name)
    {
        CaseField root = CaseField.Of(name, json).Only(
            "case", "source", "framework", "layer", "units", "config", "weight_layout", "weights", "input", "mask", "initial_h", "initial_c", "expected", "check_atol", "note");
        Tolerance = root["check_atol"].NumberOrNull();
        CaseField config = root["config"].Only("go_backwards", "use_bias", "reset_after", "return_sequences", "zero_output_for_mask", "unit_forget_bias", "activation", "recurrent_activation");
        ActivationFunction Function(string field, string standard) => KerasActivation(name, config[field].Text(standard));
        (_backwards, _sequences, _zero) = (config["go_backwards"].Flag(false), config["return_sequences"].Flag(false), config["zero_output_for_mask"].Flag(false));

        CaseField weights = root["weights"].Only("kernel", "recurrent_kernel", "bias");
        NumberTensor kernel = weights["kernel"].Tensor(), recurrent = weights["recurrent_kernel"].Tensor();
        _x = root["input"].Tensor();
        if (_x.Shape.Length != 3)
            throw new ModelFormatException(name, $"input is {_x.ShapeText}, but [N, T, I] is wanted.");
        (_N, _T) = (_x.Shape[0], _x.Shape[1]);
        int I = _x.Shape[2], H = root["units"].Exists ? root["units"].Integer() : recurrent.Shape[0];
        string layer = root["layer"].Text("");
        LayerShape shape = layer switch
        {
            "LSTM" => LayerShape.Lstm(I, H) with { GateActivation = Function("recurrent_activation", "sigmoid"), CandidateActivation = Function("activation", "tanh"), CellActivation = Function("activation", "tanh") },
            "GRU" => LayerShape.Gru(I, H, config["reset_after"].Flag(true)) with { GateActivation = Function("recurrent_activation", "sigmoid"), CandidateActivation = Function("activation", "tanh") },
            "SimpleRNN" => LayerShape.Elman(I, H, Function("activation", "tanh")),
            _ => throw new NotSupportedException($"{name}: the layer '{layer}' is unknown; there are LSTM, GRU and SimpleRNN."),
        };
        _layer = KerasWeights.Read<double>(shape, kernel.Values, recurrent.Values, weights["bias"].TensorOrNull()?.Values);
        _h0 = root["initial_h"].TensorOrNull()?.Values;
        _c0 = root["initial_c"].TensorOrNull()?.Values;
        _mask = !root["mask"].Exists ? [.. Enumerable.Repeat(true, _N * _T)] : [.. root["mask"].Items().SelectMany(row => row.Items().Select(IsKept))];
        if (_mask.Length != _N * _T)
            throw new ModelFormatException(name, $"mask has {_mask.Length} values, but N·T = {_N * _T} are wanted.");
        Expected.Add("output", root["expected"].Tensor());
    }

    private static bool IsKept(CaseField value) => value.Kind == JsonValueKind.Number ? value.Number() != 0 : value.Flag(false);

    /// <summary>Row by row over the steps that are kept, in the order of the walk.</summary>
    public override ExactOutputs Exact()
    {
        int I = _layer.Shape.InputSize, H = _layer.Shape.HiddenSize;
        var reference = new ReferenceLayer(_layer.Shape, _layer.InputWeights, _layer.RecurrentWeights, _layer.Bias);
        double[] sequences = new double[_N * _T * H], last = new double[_N * H];
        double deviation = 0;
        for (int n = 0; n < _N; n++)
        {
            int[] walk = [.. Enumerable.Range(0, _T).Select(s => _backwards ? _T - 1 - s : s)];
            int[] kept = [.. walk.Where(t => _mask[n * _T + t])];
            double[] x = [.. kept.SelectMany(t => _x.Values.Skip((n * _T + t) * I).Take(I))];
            var run = new LayerRun(x, kept.Length, 1, _h0?[(n * H)..((n + 1) * H)], _c0?[(n * H)..((n + 1) * H)]);
            ReferenceResult r = run.Exact(reference);
            deviation = Math.Max(deviation, Rounding.Of(reference, run, r).Worst);
            int done = 0;
            for (int s = 0; s < _T; s++)
            {
                bool here = _mask[n * _T + walk[s]];
                done += here ? 1 : 0;
                if (done > 0 && (here || !_zero))
                    Array.Copy(r.Output, (done - 1) * H, sequences, (n * _T + s) * H, H);
            }

            // Without return_sequences the output is that of the last step kept; none kept gives zeros.
            if (done > 0)
                Array.Copy(r.Output, (done - 1) * H, last, n * H, H);
        }

        return new ExactOutputs(Output(sequences, last), deviation);
    }

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend)
    {
        int H = _layer.Shape.HiddenSize;
        using RecurrentLayer layer = backend.Prepare(_layer.ToWeights());
        using LayerState state = layer.CreateState(_N);
        if (_h0 is not null)
            state.SetHidden(Array.ConvertAll(_h0, v => (float)v));
        if (_c0 is not null)
            state.SetCell(Array.ConvertAll(_c0, v => (float)v));
        var y = new float[_N * _T * H];
        MaskedSequence.Run(layer, state, _T, _x.ToFloats(), _mask, y, _backwards ? Direction.Reverse : Direction.Forward, _zero ? MaskedOutput.Zero : MaskedOutput.Previous);
        double[] sequences = new double[y.Length], last = new double[_N * H];
        for (int n = 0; n < _N; n++)
        {
            // go_backwards leaves the output in the order of the walk: step 0 is the last input.
            for (int s = 0; s < _T; s++)
            {
                for (int j = 0; j < H; j++)
                    sequences[(n * _T + s) * H + j] = y[(n * _T + (_backwards ? _T - 1 - s : s)) * H + j];
            }

            if (!_mask.AsSpan(n * _T, _T).Contains(true))
                continue;
            var h = new float[_N * H];
            state.CopyHiddenTo(h);
            for (int j = 0; j < H; j++)
                last[n * H + j] = h[n * H + j];
        }

        return Output(sequences, last);
    }

    private Dictionary<string, NumberTensor> Output(double[] sequences, double[] last)
    {
        int H = _layer.Shape.HiddenSize;
        return new() { ["output"] = _sequences ? new NumberTensor([_N, _T, H], sequences) : new NumberTensor([_N, H], last) };
    }

    private static ActivationFunction KerasActivation(string where, string keras) => keras switch
    {
        "tanh" => Activation.Tanh,
        "sigmoid" => Activation.Sigmoid,
        "relu" => Activation.Relu,
        "linear" => Activation.Linear,
        "softsign" => Activation.Softsign,
        "softplus" => Activation.Softplus,
        "elu" => Activation.Elu,
        "hard_sigmoid" => KerasWeights.HardSigmoid3, // cases are Keras 3's
        _ => throw new NotSupportedException($"{where}: the activation '{keras}' is unknown."),
    };
}
