using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// One layer of a <see cref="RecurrentStack"/>: the weights of one direction, or of both. Both directions read the same
/// input; their outputs lie side by side, forward first.
/// </summary>
/// <example><code>
/// using var stack = new RecurrentStack(Backend.Simd, StackLayer.Bidirectional(forward, reverse), StackLayer.Unidirectional(top));
/// using StackState state = stack.CreateState(batchSize: 1);
/// </code></example>
public sealed class StackLayer
{
    private StackLayer(LayerWeights? forward, LayerWeights? reverse)
    {
        Forward = forward;
        Reverse = reverse;
    }

    /// <summary>Weights of the direction from the first step to the last; null when there is none.</summary>
    public LayerWeights? Forward { get; }

    /// <summary>Weights of the direction from each row's last step to its first; null when there is none.</summary>
    public LayerWeights? Reverse { get; }

    /// <summary>D, 1 or 2.</summary>
    public int DirectionCount => Forward is null || Reverse is null ? 1 : 2;

    /// <summary>I, features per row of the input.</summary>
    public int InputSize => First.Shape.InputSize;

    /// <summary>Features per row of the output: H (P with a projection) of all directions.</summary>
    public int OutputSize => (Forward?.Shape.OutputSize ?? 0) + (Reverse?.Shape.OutputSize ?? 0);

    /// <summary>The only direction, or the forward one.</summary>
    internal LayerWeights First => Forward ?? Reverse!;

    /// <summary>A layer that runs forward.</summary>
    public static StackLayer Unidirectional(LayerWeights weights) => Unidirectional(weights, Direction.Forward);

    /// <summary>A layer that runs in one direction.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such direction.</exception>
    public static StackLayer Unidirectional(LayerWeights weights, Direction direction)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return Defined.Require(direction) == Direction.Forward ? new StackLayer(weights, null) : new StackLayer(null, weights);
    }

    /// <summary>A layer that runs in both directions over the same input.</summary>
    /// <exception cref="ArgumentException">The two disagree on the input size or the cell.</exception>
    public static StackLayer Bidirectional(LayerWeights forward, LayerWeights reverse)
    {
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(reverse);
        if (forward.Shape.InputSize != reverse.Shape.InputSize)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"reverse reads {reverse.Shape.InputSize} features and forward {forward.Shape.InputSize}; both directions read the same input."),
                    nameof(reverse));
        }

        if (forward.Shape.Cell != reverse.Shape.Cell)
            throw new ArgumentException(
                $"forward is {forward.Shape.Definition.NameWithArticle} and reverse {reverse.Shape.Definition.NameWithArticle}; "
                + "a bidirectional layer has one kind of cell.", nameof(reverse));
        return new StackLayer(forward, reverse);
    }

    /// <summary>Such as <c>lstm_i3_h4</c>, <c>lstm_i3_h4 reverse</c> or <c>lstm_i3_h4 bidirectional</c>.</summary>
    public override string ToString() => First.Shape + (DirectionCount == 2 ? " bidirectional" : Forward is null ? " reverse" : "");
}
