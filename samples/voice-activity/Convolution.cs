using FastRecurrence;

namespace VoiceActivity;

/// <summary>
/// A one-dimensional convolution over rows of features, as one matrix product: what the kernel sees of the frames around an output lies side by side, so
/// each output frame is a row, and the frames of many chunks are one batch of rows.
/// </summary>
internal sealed class Convolution : IDisposable
{
    private readonly OutputLayer _product;
    private readonly int _inputs, _kernel, _stride;

    /// <param name="backend">Where the product runs.</param>
    /// <param name="weights"><c>[out, in, kernel]</c>, as ONNX and PyTorch have them.</param>
    /// <param name="bias"><c>[out]</c>, or empty.</param>
    /// <param name="inputs">Channels in.</param>
    /// <param name="kernel">Width in frames.</param>
    /// <param name="stride">Step between output frames.</param>
    /// <param name="activation">What follows.</param>
    public Convolution(Backend backend, float[] weights, float[] bias, int inputs, int kernel, int stride, Activation activation)
    {
        (_inputs, _kernel, _stride, Outputs) = (inputs, kernel, stride, weights.Length / (inputs * kernel));
        // Channels of a frame lie together here, and frames follow each other.
        var rows = new float[weights.Length];
        for (int o = 0; o < Outputs; o++)
        {
            for (int c = 0; c < inputs; c++)
            {
                for (int k = 0; k < kernel; k++)
                    rows[(o * kernel + k) * inputs + c] = weights[(o * inputs + c) * kernel + k];
            }
        }

        _product = new OutputLayer(backend, kernel * inputs, Outputs, rows, bias, activation);
    }

    /// <summary>Channels out.</summary>
    public int Outputs { get; }

    /// <summary>The frames out of so many frames in, padding counted.</summary>
    public int Frames(int frames) => (frames - _kernel) / _stride + 1;

    /// <summary>Every chunk by itself.</summary>
    /// <param name="chunks">How many.</param>
    /// <param name="frames">Frames of a chunk, padding counted.</param>
    /// <param name="x"><c>[chunks, frames, in]</c>.</param>
    /// <param name="rows">Memory for <c>[chunks, frames out, kernel·in]</c>.</param>
    /// <param name="y"><c>[chunks, frames out, out]</c>.</param>
    public void Run(int chunks, int frames, ReadOnlySpan<float> x, Span<float> rows, Span<float> y)
    {
        int count = Frames(frames), width = _kernel * _inputs;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            for (int t = 0; t < count; t++)
                x.Slice((chunk * frames + t * _stride) * _inputs, width).CopyTo(rows[((chunk * count + t) * width)..]);
        }

        _product.Run(rows[..(chunks * count * width)], y[..(chunks * count * Outputs)]);
    }

    public void Dispose() => _product.Dispose();
}
