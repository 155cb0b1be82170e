using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// <c>y = f(W_y h + b_y)</c> row by row: an Elman layer with R = 0, composed and not a kernel of its own.
/// Immutable and safe to share, like the layer inside.
/// </summary>
public sealed class OutputLayer : IDisposable
{
    private readonly RecurrentLayer _layer;

    /// <summary>Prepares an output layer on a backend.</summary>
    /// <param name="backend">Where it runs.</param>
    /// <param name="hiddenSize">H, features per row of h.</param>
    /// <param name="outputSize">O, features per row of y.</param>
    /// <param name="weights">W_y, <c>[O, H]</c>, row-major.</param>
    /// <param name="bias">b_y, <c>[O]</c>, or empty.</param>
    /// <param name="activation">f.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message names both shapes.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    public OutputLayer(Backend backend, int hiddenSize, int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias = default, ActivationFunction activation = default)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfLessThan(hiddenSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputSize, 1);
        if (weights.Length != (long)outputSize * hiddenSize)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"W_y has {weights.Length} values, but an output layer from h [N, {hiddenSize}] to y [N, {outputSize}] needs [{outputSize}, {hiddenSize}] = {(long)outputSize * hiddenSize}."), nameof(weights));
        }

        LayerShape shape = LayerShape.Elman(hiddenSize, outputSize, activation);
        _layer = backend.Prepare(new LayerWeights(shape, weights, new float[shape.RecurrentWeightCount], bias));
    }

    /// <summary>H, features per row of h.</summary>
    public int HiddenSize => _layer.Shape.InputSize;

    /// <summary>O, features per row of y.</summary>
    public int OutputSize => _layer.Shape.HiddenSize;

    /// <summary>Makes the scratch memory for <paramref name="rows"/> rows (T·N for a whole sequence).</summary>
    public LayerState CreateState(int rows) => _layer.CreateState(rows);

    /// <summary>Computes y for every row.</summary>
    /// <param name="state">Scratch from <see cref="CreateState"/>; nothing is carried from call to call.</param>
    /// <param name="hidden">h, <c>[rows, H]</c>.</param>
    /// <param name="output">y, <c>[rows, O]</c>; must not overlap <paramref name="hidden"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public void Run(LayerState state, ReadOnlySpan<float> hidden, Span<float> output)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Reset(); // R = 0, but 0·NaN is NaN: yesterday's NaN must not reach today's row
        _layer.Step(state, hidden, output);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _layer.Dispose();
}
