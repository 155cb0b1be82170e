using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// Losses with their gradients: means over a batch, summed in double from the first row to the last, so that their bits depend on nothing else. Rows may be
/// in any layout. Thread-safe.
/// </summary>
public static class Losses
{
    /// <summary>A target that counts for nothing, such as padding: its row adds nothing to the loss and has gradients 0.</summary>
    public const int Ignored = -1;

    /// <summary>
    /// The mean over rows of <c>−ln softmax(logits)[target]</c>, without overflow for any finite logits. A logit of −∞ is a class that cannot be; where it is
    /// the target's, the loss is +∞ and the gradients are finite. A row with a NaN, with +∞, or with −∞ alone makes the loss NaN and its own gradients
    /// NaN, no others.
    /// </summary>
    /// <param name="logits">Scores before the softmax, <c>[rows, C]</c>.</param>
    /// <param name="targets">The class of each row, <c>[rows]</c>, from 0 to C − 1, or <see cref="Ignored"/>.</param>
    /// <param name="gradient">
    /// Receives the gradient of the loss with respect to <paramref name="logits"/>, of the same length; overwritten. May be the same memory. Empty if it is
    /// not wanted.
    /// </param>
    /// <returns>The mean over the rows that are not ignored; 0 if all are.</returns>
    /// <exception cref="ArgumentException">The lengths do not fit. Nothing is written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class. Nothing is written.</exception>
    public static double SoftmaxCrossEntropy(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets, Span<float> gradient)
    {
        int rows = targets.Length, classes = rows == 0 ? 0 : logits.Length / rows, counted = 0;
        if (logits.Length != (long)rows * classes || (rows > 0 && classes == 0))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"logits has {logits.Length} values for {rows} targets; it must have the same number of classes, at least one, for each."), nameof(logits));
        }

        if (!gradient.IsEmpty)
            Extents.Require(nameof(gradient), gradient.Length, "rows×C", rows, classes);
        for (int row = 0; row < rows; row++)
        {
            if (targets[row] == Ignored)
                continue;
            if ((uint)targets[row] >= (uint)classes)
            {
                throw new ArgumentOutOfRangeException(nameof(targets), targets[row], string.Create(CultureInfo.InvariantCulture,
                    $"targets[{row}] is {targets[row]}; it must be a class from 0 to {classes - 1}, or {Ignored} for a row that does not count."));
            }

            counted++;
        }

        double loss = 0;
        for (int row = 0; row < rows; row++)
        {
            Span<float> to = gradient.IsEmpty ? default : gradient.Slice(row * classes, classes);
            if (targets[row] == Ignored)
                to.Clear();
            else
                loss += Row(logits.Slice(row * classes, classes), targets[row], to, 1.0 / counted);
        }

        return counted == 0 ? 0 : loss / counted;
    }

    /// <summary>The mean over all values of <c>(prediction − target)²</c>. A NaN or an infinity makes the loss so, and no gradient but its own.</summary>
    /// <param name="predictions">Any number of values.</param>
    /// <param name="targets">As many.</param>
    /// <param name="gradient">
    /// Receives the gradient of the loss with respect to <paramref name="predictions"/>, of the same length; overwritten. May be the same memory as either.
    /// Empty if it is not wanted.
    /// </param>
    /// <returns>The mean; 0 of no values.</returns>
    /// <exception cref="ArgumentException">The lengths do not fit. Nothing is written.</exception>
    public static double SquaredError(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, Span<float> gradient)
    {
        Extents.Require(nameof(targets), targets.Length, "predictions", predictions.Length);
        if (!gradient.IsEmpty)
            Extents.Require(nameof(gradient), gradient.Length, "predictions", predictions.Length);
        double sum = 0, scale = 2.0 / Math.Max(1, predictions.Length);
        for (int i = 0; i < predictions.Length; i++)
        {
            double difference = (double)predictions[i] - targets[i];
            sum += difference * difference;
            if (!gradient.IsEmpty)
                gradient[i] = (float)(difference * scale);
        }

        return predictions.IsEmpty ? 0 : sum / predictions.Length;
    }

    /// <summary>−ln softmax of one row at its target; gradients are (softmax − one-hot)·weight.</summary>
    private static double Row(ReadOnlySpan<float> logits, int target, Span<float> gradient, double weight)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit); // NaN stays
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp(logit - largest);
        double loss = Math.Log(sum) - (logits[target] - largest);
        for (int k = 0; k < gradient.Length; k++)
            gradient[k] = (float)((Math.Exp(logits[k] - largest) / sum - (k == target ? 1 : 0)) * weight);
        return loss;
    }
}
