using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// <c>y = f(W_y h + b_y)</c> row by row: one matrix product and an activation, for an output of any size up to a whole vocabulary.
/// Nothing is carried from row to row or from call to call: a NaN in a row of h makes that row of y NaN and no other.
/// Immutable and safe to share: any number of threads may run it at the same time, and a call allocates nothing.
/// </summary>
public sealed class OutputLayer : IDisposable
{
    private OutputKernel? _kernel;

    /// <summary>Prepares an output layer on a backend.</summary>
    /// <param name="backend">Where it runs: the reference or a SIMD backend. A device has none of its own; h comes back to the host in any case.</param>
    /// <param name="hiddenSize">H, features per row of h.</param>
    /// <param name="outputSize">O, features per row of y.</param>
    /// <param name="weights">W_y, <c>[O, H]</c>, row-major. Copied.</param>
    /// <param name="bias">b_y, <c>[O]</c>, or empty for none. Copied.</param>
    /// <param name="activation">f; a linear layer by default.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message names both shapes.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">The backend has no output layer; the message names one that has.</exception>
    public OutputLayer(Backend backend, int hiddenSize, int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias = default,
        ActivationFunction activation = default)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfLessThan(hiddenSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputSize, 1);
        if (weights.Length != (long)outputSize * hiddenSize)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"W_y has {weights.Length} values, but an output layer from h [N, {hiddenSize}] to y [N, {outputSize}] "
                + $"needs [{outputSize}, {hiddenSize}] = {(long)outputSize * hiddenSize}."), nameof(weights));
        }

        if (!bias.IsEmpty && bias.Length != outputSize)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"b_y has {bias.Length} values, but an output layer to y [N, {outputSize}] needs {outputSize}, or none."), nameof(bias));
        }

        (Backend, HiddenSize, OutputSize, Activation) = (backend, hiddenSize, outputSize, activation);
        _kernel = backend.PrepareOutput(outputSize, weights, bias.IsEmpty ? new float[outputSize] : bias, activation);
    }

    /// <summary>Where it runs.</summary>
    public Backend Backend { get; }

    /// <summary>H, features per row of h.</summary>
    public int HiddenSize { get; }

    /// <summary>O, features per row of y.</summary>
    public int OutputSize { get; }

    /// <summary>f.</summary>
    public ActivationFunction Activation { get; }

    /// <summary>
    /// Computes y for every row. On the CPU each value is one chain of fused multiply-adds from the bias in ascending k, so its bits do not depend on
    /// the number of rows, the vector width or other calls.
    /// </summary>
    /// <param name="hidden">h, <c>[rows, H]</c>, any number of rows: N for a step, T·N for a sequence in any layout. Never written.</param>
    /// <param name="output">y, <c>[rows, O]</c>. Written whole; must not overlap <paramref name="hidden"/>.</param>
    /// <exception cref="ArgumentException">The lengths are not those of the same whole number of rows, or the spans overlap. Nothing is written.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public void Run(ReadOnlySpan<float> hidden, Span<float> output)
    {
        OutputKernel kernel = _kernel ?? throw new ObjectDisposedException(nameof(OutputLayer));
        int rows = hidden.Length / HiddenSize;
        if ((long)rows * HiddenSize != hidden.Length)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"hidden has {hidden.Length} values, not a whole number of rows of H = {HiddenSize}."), nameof(hidden));
        }

        Extents.Require(nameof(output), output.Length, "rows×O", rows, OutputSize);
        if (hidden.Overlaps(output))
            throw new ArgumentException("output overlaps hidden: the layer still reads hidden while it writes output. Use separate memory.", nameof(output));
        if (rows != 0)
            kernel.Run(rows, hidden, output);
    }

    /// <summary>Gives the memory back, as soon as no call uses it any more. Disposing twice is harmless.</summary>
    public void Dispose() => _kernel = null;

    /// <summary>Such as <c>OutputLayer of 128 to 10 features, sigmoid, on simd-512</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"OutputLayer of {HiddenSize} to {OutputSize} features, {Activation}, on {Backend.Name}");
}
