namespace VoiceActivity;

/// <summary>A one-dimensional convolution over <c>[channels, frames]</c>, in plain loops, summed in double.</summary>
/// <param name="weights"><c>[out, in, kernel]</c>.</param>
/// <param name="bias"><c>[out]</c>, or empty.</param>
/// <param name="inputs">Channels in.</param>
/// <param name="kernel">Width.</param>
/// <param name="stride">Step between frames.</param>
/// <param name="pad">Zeros on both sides.</param>
internal sealed class Convolution(float[] weights, float[] bias, int inputs, int kernel, int stride, int pad)
{
    private readonly int _outputs = weights.Length / (inputs * kernel);

    /// <summary>The frames out of <paramref name="frames"/> frames in.</summary>
    public int Frames(int frames) => (frames + 2 * pad - kernel) / stride + 1;

    public float[] Run(float[] x, int frames)
    {
        int count = Frames(frames);
        var y = new float[_outputs * count];
        for (int o = 0; o < _outputs; o++)
        {
            for (int t = 0; t < count; t++)
            {
                double sum = bias.Length == 0 ? 0 : bias[o];
                int start = t * stride - pad, first = Math.Max(0, -start), last = Math.Min(kernel, frames - start);
                for (int c = 0; c < inputs; c++)
                {
                    for (int k = first; k < last; k++)
                        sum += (double)weights[(o * inputs + c) * kernel + k] * x[c * frames + start + k];
                }

                y[o * count + t] = (float)sum;
            }
        }

        return y;
    }
}
