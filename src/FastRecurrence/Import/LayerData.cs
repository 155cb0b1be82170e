using System.Numerics;

namespace FastRecurrence.Import;

/// <summary>
/// A layer's numbers in our order, in float or in double: importers permute once, and the double reference can have what a
/// file holds without a rounding in between.
/// </summary>
internal sealed record LayerData<T>(LayerShape Shape, T[] InputWeights, T[] RecurrentWeights, T[] Bias, T[] Peepholes, T[] Projection)
    where T : struct, IFloatingPointIeee754<T>
{
    /// <summary>The layer's weights, each number rounded to float once.</summary>
    public LayerWeights ToWeights() => new(Shape, Single(InputWeights), Single(RecurrentWeights), Single(Bias), Single(Peepholes), Single(Projection));

    private static float[] Single(T[] values) => values as float[] ?? Array.ConvertAll(values, float.CreateTruncating);
}
