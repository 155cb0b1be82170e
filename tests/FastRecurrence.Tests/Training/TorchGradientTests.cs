using FastRecurrence.Cells;
using FastRecurrence.Import;
using FastRecurrence.Reference;
using FastRecurrence.TestKit.Cases;

namespace FastRecurrence.Tests.Training;

/// <summary>The reference's gradients against those of PyTorch's autograd in float64: every tensor named <c>grad.*</c> of every case.</summary>
public sealed class TorchGradientTests
{
    private const double Tolerance = 1e-13;

    [Fact]
    public void Every_gradient_of_every_case()
    {
        double worst = 0;
        foreach (SafetensorsFile file in Cases())
        {
            Dictionary<string, double> errors = Errors(file, new TorchNetwork(file).Gradients(cell => CellDefinition.Of(cell).Reference));
            foreach ((string name, double error) in errors)
                Assert.True(error <= Tolerance, $"{file.Name}: the error of {name} is {error:g3}");
            worst = Math.Max(worst, errors.Values.Max());
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"worst error {worst:g3}");
    }

    /// <summary>A check that cannot fail checks nothing: δ of the first two gates swapped is found in every LSTM and GRU.</summary>
    [Fact]
    public void Swapped_gates_are_found()
    {
        foreach (SafetensorsFile file in Cases().Where(file => !file.Metadata["module"].StartsWith("RNN", StringComparison.Ordinal)))
        {
            Dictionary<string, double[]> gradients = new TorchNetwork(file).Gradients(cell =>
                new Mutant(CellDefinition.Of(cell).Reference, after: s => Mutant.SwapBlocks(s.Delta, 0, 1, s.Layer.Shape.HiddenSize)));
            Assert.True(Errors(file, gradients).Values.Max() > 1e-3, file.Name);
        }
    }

    private static IEnumerable<SafetensorsFile> Cases()
    {
        string[] files = [.. Directory.EnumerateFiles(ConformanceData.Folder("torch-cases"), "*.safetensors").Order(StringComparer.Ordinal)];
        Assert.Equal(32, files.Length);
        foreach (string path in files)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            yield return file;
        }
    }

    /// <summary>The largest difference of every gradient, in units of max(1, max |gradient|). All of the file's are there, and no other.</summary>
    private static Dictionary<string, double> Errors(SafetensorsFile file, Dictionary<string, double[]> gradients)
    {
        Assert.Equal(file.Tensors.Select(t => t.Name).Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).Order(), gradients.Keys.Order());
        return gradients.ToDictionary(g => g.Key, g =>
        {
            double[] expected = file.ReadDoubles(g.Key);
            Assert.Equal(expected.Length, g.Value.Length);
            return g.Value.Zip(expected, (a, b) => Math.Abs(a - b)).Max() / Math.Max(1, expected.Max(Math.Abs));
        });
    }

    /// <summary>A PyTorch module of layers and directions, composed forwards and then backwards from the reference's single layers.</summary>
    private sealed class TorchNetwork
    {
        private readonly SafetensorsFile _file;
        private readonly PyTorchModule _module;
        private readonly ReferenceLayer[] _layers;
        private readonly bool _batchMajor;
        private readonly int _directions, T, N;
        private readonly int[]? _lengths;

        public TorchNetwork(SafetensorsFile file)
        {
            _file = file;
            _module = Assert.Single(PyTorchWeights.Find(file, "param."));
            Activation nonlinearity = file.Metadata["nonlinearity"] == "relu" ? Activation.Relu : Activation.Tanh;
            _layers = [.. _module.ToData(nonlinearity, file.ReadDoubles).Select(w => new ReferenceLayer(w.Shape, w.InputWeights, w.RecurrentWeights, w.Bias, w.Peepholes, w.Projection))];
            _directions = _module.IsBidirectional ? 2 : 1;
            _batchMajor = file.Metadata.GetValueOrDefault("batch_first") == "True";
            IReadOnlyList<int> x = file["x"].Shape;
            (T, N) = _module.IsCell ? (1, x[0]) : _batchMajor ? (x[1], x[0]) : (x[0], x[1]);
            _lengths = file.Find("lengths") is null ? null : Array.ConvertAll(file.ReadIntegers("lengths"), v => (int)v);
        }

        private int P => _layers[0].Shape.OutputSize;

        private int H => _layers[0].Shape.HiddenSize;

        public Dictionary<string, double[]> Gradients(Func<CellKind, ReferenceCell> equations)
        {
            var inputs = new List<double[]> { TimeMajor("x", _layers[0].Shape.InputSize)! };
            for (int k = 0; k + _directions < _layers.Length; k += _directions)
            {
                double[] x = inputs[^1];
                inputs.Add(SideBySide([.. Enumerable.Range(k, _directions).Select(i => Run(i, x))]));
            }

            var result = new Dictionary<string, double[]>();
            var all = new ReferenceGradients[_layers.Length];
            double[]? dy = TimeMajor("dy", _directions * P);
            for (int k = _layers.Length - _directions; k >= 0; k -= _directions)
            {
                var dx = new double[inputs[k / _directions].Length];
                for (int i = k; i < k + _directions; i++)
                {
                    all[i] = _layers[i].Backward(Call(i, inputs[k / _directions]) with
                    {
                        OutputGradient = dy is null ? null : Columns(dy, i - k),
                        FinalHiddenGradient = Part("dh_n", i, P),
                        FinalCellGradient = Part("dc_n", i, H),
                    }, equations(_layers[i].Shape.Cell));
                    for (int j = 0; j < dx.Length; j++)
                        dx[j] += all[i].Input[j]; // both directions read the same x
                    AddParameters(result, i, all[i]);
                }

                dy = dx;
            }

            result.Add("grad.x", _batchMajor ? NumberTensor.SwapOuter(dy!, T, N, _layers[0].Shape.InputSize) : dy!);
            result.Add("grad.h0", [.. all.SelectMany(g => g.InitialHidden)]);
            if (_layers[0].Shape.HasCellState)
                result.Add("grad.c0", [.. all.SelectMany(g => g.InitialCell)]);
            return result;
        }

        /// <summary>PyTorch adds two biases, so both get db; but for a GRU's candidate, where they stand apart.</summary>
        private void AddParameters(Dictionary<string, double[]> result, int i, ReferenceGradients gradients)
        {
            string suffix = _module.IsCell ? "" : $"_l{i / _directions}{(i % _directions == 1 ? "_reverse" : "")}";
            result.Add($"grad.param.weight_ih{suffix}", gradients.InputWeights);
            result.Add($"grad.param.weight_hh{suffix}", gradients.RecurrentWeights);
            if (!_module.HasBias)
                return;
            bool gru = _layers[i].Shape.Cell == CellKind.Gru;
            result.Add($"grad.param.bias_ih{suffix}", gru ? gradients.Bias[..(3 * H)] : gradients.Bias);
            result.Add($"grad.param.bias_hh{suffix}", gru ? [.. gradients.Bias[..(2 * H)], .. gradients.Bias[(3 * H)..]] : gradients.Bias);
        }

        private ReferenceBackwardInput Call(int i, double[] x) => new()
        {
            Input = x,
            SequenceLength = T,
            BatchSize = N,
            InitialHidden = Part("h0", i, P),
            InitialCell = Part("c0", i, H),
            Direction = i % _directions == 0 ? Direction.Forward : Direction.Reverse,
            Lengths = _lengths,
        };

        private double[] Run(int i, double[] x)
        {
            ReferenceBackwardInput call = Call(i, x);
            return _layers[i].Run(x, T, N, call.InitialHidden, call.InitialCell, call.Direction, _lengths).Output;
        }

        private double[]? TimeMajor(string name, int features)
        {
            if (_file.Find(name) is null)
                return null;
            double[] values = _file.ReadDoubles(name);
            return _batchMajor ? NumberTensor.SwapOuter(values, N, T, features) : values;
        }

        private double[]? Part(string name, int i, int features) =>
            _file.Find(name) is null ? null : _file.ReadDoubles(name)[(i * N * features)..((i + 1) * N * features)];

        private double[] SideBySide(double[][] sides) =>
            sides.Length == 1 ? sides[0] : [.. Enumerable.Range(0, T * N).SelectMany(row => sides.SelectMany(side => side[(row * P)..((row + 1) * P)]))];

        private double[] Columns(double[] rows, int d) =>
            [.. Enumerable.Range(0, T * N).SelectMany(row => rows[((row * _directions + d) * P)..((row * _directions + d + 1) * P)])];
    }
}
