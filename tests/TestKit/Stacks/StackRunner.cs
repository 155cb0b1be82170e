using FastRecurrence.Gpu;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Stacks;

/// <summary>
/// A stack on a backend, composed of layers as a user of the library composes it: each layer runs its whole sequence, two
/// directions are laid side by side for the next layer, and that is part of the time.
/// </summary>
internal sealed class StackRunner : IRunner
{
    private readonly StackData _data;
    private readonly List<(LayerNumbers Numbers, RecurrentLayer Layer, LayerState State)> _parts = [];
    private readonly float[][] _outputs;
    private readonly float[] _oneWay = [], _otherWay = [];

    /// <exception cref="NotSupportedException">The backend does not run such a layer, or not with a team.</exception>
    public StackRunner(Backend backend, StackData data, WorkerTeam? team, WeightFormat format = WeightFormat.Float32)
    {
        _data = data;
        try
        {
            foreach (LayerNumbers numbers in data.Layers.SelectMany(l => l))
            {
                RecurrentLayer layer = backend.Prepare(numbers.Weights, format);
                try
                {
                    _parts.Add((numbers, layer, layer.CreateState(data.Size.BatchSize, team)));
                }
                catch
                {
                    layer.Dispose();
                    throw;
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        // Layers take turns on two buffers; one layer needs one.
        _outputs = [.. Enumerable.Range(0, Math.Min(2, data.Layers.Count)).Select(_ => new float[data.OutputCount])];
        if (data.Size.Walk == Walk.Bidirectional)
            (_oneWay, _otherWay) = (new float[data.OutputCount / 2], new float[data.OutputCount / 2]);
        if (_parts.All(p => p.Layer is GpuLayer))
            Kernels = repeats => _parts.Sum(p => ((GpuLayer)p.Layer).MeasureKernels(p.State, data.Size.SequenceLength, repeats));
    }

    public Func<int, double>? Kernels { get; }

    public ReadOnlySpan<float> Output => _outputs[(_data.Layers.Count - 1) % _outputs.Length];

    public void Restart()
    {
        foreach ((LayerNumbers numbers, RecurrentLayer layer, LayerState state) in _parts)
        {
            state.SetHidden(numbers.Hidden);
            if (layer.Shape.HasCellState)
                state.SetCell(numbers.Cell);
        }
    }

    public void Run(int steps)
    {
        ProblemSize size = _data.Size;
        int rows = steps * size.BatchSize;
        float[] from = _data.Input;
        for (int l = 0; l < size.Layers; l++)
        {
            float[] to = _outputs[l % _outputs.Length];
            ReadOnlySpan<float> x = from.AsSpan(0, rows * size.ShapeOf(l).InputSize);
            if (size.Directions == 1)
            {
                Run(l, steps, x, to.AsSpan(0, rows * size.HiddenSize));
            }
            else
            {
                Run(2 * l, steps, x, _oneWay.AsSpan(0, rows * size.HiddenSize));
                Run(2 * l + 1, steps, x, _otherWay.AsSpan(0, rows * size.HiddenSize));
                SideBySide(to, rows);
            }

            from = to;
        }
    }

    public void Dispose()
    {
        foreach ((_, RecurrentLayer layer, LayerState state) in _parts)
        {
            state.Dispose();
            layer.Dispose();
        }
    }

    private void Run(int part, int steps, ReadOnlySpan<float> x, Span<float> y)
    {
        (LayerNumbers numbers, RecurrentLayer layer, LayerState state) = _parts[part];
        layer.Run(state, steps, x, y, new SequenceOptions { Direction = numbers.Direction });
    }

    private void SideBySide(float[] to, int rows)
    {
        int H = _data.Size.HiddenSize;
        for (int row = 0; row < rows; row++)
        {
            _oneWay.AsSpan(row * H, H).CopyTo(to.AsSpan(2 * row * H));
            _otherWay.AsSpan(row * H, H).CopyTo(to.AsSpan((2 * row + 1) * H));
        }
    }
}
