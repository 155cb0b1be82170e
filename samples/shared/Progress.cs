using System.Diagnostics;
using System.Globalization;

namespace FastRecurrence.Samples;

/// <summary>What the training samples print and read: the loss, steps a second, the time that is left; counts from the command line.</summary>
internal sealed class Progress(int steps, int shown, string format = "loss {0:F5}")
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _sum;
    private int _step, _counted;

    /// <summary>Takes the loss of a step, and prints the mean of the last ones now and then.</summary>
    public void Add(double loss)
    {
        _sum += loss;
        _counted++;
        if (++_step % shown != 0 && _step != steps)
            return;
        double rate = _step / _clock.Elapsed.TotalSeconds;
        string mean = string.Format(CultureInfo.InvariantCulture, format, _sum / _counted);
        Console.WriteLine(FormattableString.Invariant($"step {_step,5}  {mean}  {rate:F0} steps/s  {(steps - _step) / rate:F0} s left"));
        (_sum, _counted) = (0, 0);
    }

    /// <summary>Reads counts in the order of the line; those that are not given keep their value.</summary>
    public static bool TryRead(string[] arguments, params Span<int> counts)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            if (i >= counts.Length || !int.TryParse(arguments[i], NumberStyles.None, CultureInfo.InvariantCulture, out counts[i]) || counts[i] == 0)
                return false;
        }

        return true;
    }

    /// <summary>A number that tells whether weights have the same bits (FNV-1a): the same seed gives the same one with any number of threads.</summary>
    public static string Fingerprint(params IEnumerable<TrainingLayer> layers)
    {
        ulong hash = 14695981039346656037;
        foreach (LayerWeights weights in layers.Select(layer => layer.ToWeights()))
        {
            foreach (float weight in (float[])[.. weights.InputWeights, .. weights.RecurrentWeights, .. weights.Bias])
                hash = (hash ^ BitConverter.SingleToUInt32Bits(weight)) * 1099511628211;
        }

        return hash.ToString("x16", CultureInfo.InvariantCulture);
    }
}
