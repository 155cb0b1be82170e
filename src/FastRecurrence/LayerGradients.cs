using System.Globalization;
using FastRecurrence.Layout;

namespace FastRecurrence;

/// <summary>
/// The gradients of a layer's weights, made by <see cref="TrainingLayer.CreateGradients"/>. <b>Backward passes add to them</b>: several sequences,
/// micro-batches or chunks of one sequence sum up. <see cref="Clear"/> makes them 0 at no cost, as they are when new: the next backward pass then writes
/// instead of adding. They belong to any layer of the same shape. Not thread-safe.
/// </summary>
public sealed class LayerGradients
{
    private static readonly WeightParts[] s_parts =
        [WeightParts.InputWeights, WeightParts.RecurrentWeights, WeightParts.Bias, WeightParts.Peepholes, WeightParts.Projection];

    private readonly float[]?[] _read = new float[s_parts.Length][];
    private WeightParts _written, _isRead;

    internal LayerGradients(LayerShape shape)
    {
        Shape = shape;
        Sums = new ParameterBuffer("gradients", shape);
    }

    /// <summary>The shape of the layer.</summary>
    public LayerShape Shape { get; }

    /// <summary>∂L/∂W, <c>[G·H, I]</c>, row-major. A copy that is made anew when it is first read after a change, in memory that stays.</summary>
    public ReadOnlySpan<float> InputWeights => Read(0);

    /// <summary>∂L/∂R, <c>[G·H, H]</c> or <c>[G·H, P]</c>, likewise.</summary>
    public ReadOnlySpan<float> RecurrentWeights => Read(1);

    /// <summary>
    /// ∂L/∂b, <c>[G·H]</c> (<c>[4·H]</c> for a GRU that is linear before its reset). Two biases that are only ever added both have this gradient.
    /// </summary>
    public ReadOnlySpan<float> Bias => Read(2);

    /// <summary>Of the peephole weights, <c>[3·H]</c> in the order i, f, o; empty without.</summary>
    public ReadOnlySpan<float> Peepholes => Read(3);

    /// <summary>∂L/∂W_p, <c>[P, H]</c>; empty without.</summary>
    public ReadOnlySpan<float> Projection => Read(4);

    /// <summary>The parts in the order of their bits.</summary>
    internal static ReadOnlySpan<WeightParts> Parts => s_parts;

    /// <summary>The sums; those of a part that is clear hold anything.</summary>
    internal ParameterBuffer Sums { get; }

    /// <summary>Makes all 0, at no cost.</summary>
    public void Clear() => (_written, _isRead) = (WeightParts.None, WeightParts.None);

    /// <summary>The Euclidean norm of all of them, summed in double in one order: NaN or infinite if one of them is.</summary>
    public double Norm() => Math.Sqrt(SquaredNorm());

    /// <summary>
    /// Scales several gradients down together so that their common norm is at most <paramref name="maxNorm"/>: clipping by norm.
    /// </summary>
    /// <param name="maxNorm">The largest norm that is left alone, above 0.</param>
    /// <param name="gradients">Of all layers that are trained together.</param>
    /// <returns>The norm before. Where it is NaN or infinite nothing is scaled, so that the caller can skip the step.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxNorm"/> is not above 0.</exception>
    public static double ClipToNorm(double maxNorm, params ReadOnlySpan<LayerGradients> gradients)
    {
        if (!(maxNorm > 0))
            throw new ArgumentOutOfRangeException(nameof(maxNorm), maxNorm, "maxNorm must be above 0.");
        double sum = 0;
        foreach (LayerGradients layer in gradients)
            sum += layer.SquaredNorm();
        double norm = Math.Sqrt(sum);
        if (norm <= maxNorm || !double.IsFinite(norm))
            return norm;
        foreach (LayerGradients layer in gradients)
            layer.Scale((float)(maxNorm / norm));
        return norm;
    }

    /// <summary>As <see cref="ClipToNorm(double, ReadOnlySpan{LayerGradients})"/>, of this layer alone.</summary>
    public double ClipToNorm(double maxNorm) => ClipToNorm(maxNorm, [this]);

    /// <summary>Multiplies all by a number, such as one over the number of micro-batches.</summary>
    public void Scale(float factor)
    {
        foreach (WeightParts part in s_parts)
        {
            for (int run = 0; run < Sums.RunCount(part) && !IsClear(part); run++)
                ParameterMath.Scale(Sums.Run(part, run), factor);
        }

        _isRead = WeightParts.None;
    }

    /// <summary>Adds the gradients of another batch, such as those that another thread has computed with its own copy of the layer.</summary>
    /// <exception cref="ArgumentException">They are of another shape. Nothing has changed.</exception>
    public void Add(LayerGradients other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Shape != Shape)
            throw new ArgumentException($"The gradients to add are of {other.Shape}, these of {Shape}.", nameof(other));
        foreach (WeightParts part in s_parts)
        {
            if (other.IsClear(part))
                continue;
            for (int run = 0; run < Sums.RunCount(part); run++)
            {
                if (IsClear(part))
                    other.Sums.Run(part, run).CopyTo(Sums.Run(part, run));
                else
                    ParameterMath.Add(other.Sums.Run(part, run), Sums.Run(part, run));
            }

            Wrote(part);
        }
    }

    /// <summary>Names the first gradient that is NaN or infinite, such as <c>R[5, 2] is NaN</c>; null when all are finite.</summary>
    public string? FindNonFinite() =>
        LayerWeights.First("W", InputWeights, Shape.InputSize) ?? LayerWeights.First("R", RecurrentWeights, Shape.OutputSize)
        ?? LayerWeights.First("b", Bias, 1) ?? LayerWeights.First("peepholes", Peepholes, 1) ?? LayerWeights.First("W_p", Projection, Shape.HiddenSize);

    /// <summary>Such as <c>gradients of lstm_i64_h128</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"gradients of {Shape}");

    /// <summary>Whether nothing has been added to a part since they were made or cleared: it is 0, whatever the memory holds.</summary>
    internal bool IsClear(WeightParts part) => (_written & part) == 0;

    /// <summary>Parts have been written.</summary>
    internal void Wrote(WeightParts parts)
    {
        _written |= parts;
        _isRead &= ~parts;
    }

    private double SquaredNorm()
    {
        double sum = 0;
        foreach (WeightParts part in s_parts)
        {
            if (!IsClear(part))
                sum += Sums.SquaredNorm(part);
        }

        return sum;
    }

    private float[] Read(int index)
    {
        WeightParts part = s_parts[index];
        float[] values = _read[index] ??= new float[Sums.Count(part)];
        if ((_isRead & part) != 0)
            return values;
        if (IsClear(part))
            Array.Clear(values);
        else
            Sums.Read(part, values);
        _isRead |= part;
        return values;
    }
}
