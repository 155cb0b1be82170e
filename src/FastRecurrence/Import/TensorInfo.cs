namespace FastRecurrence.Import;

/// <summary>A tensor without its numbers.</summary>
public sealed class TensorInfo
{
    internal TensorInfo(string name, string dataType, int[] shape, long begin, long end)
    {
        (Name, DataType, Begin, End) = (name, dataType, begin, end);
        Dimensions = shape;
        ElementCount = 1;
        foreach (int dimension in shape)
            ElementCount *= dimension;
    }

    /// <summary>Its name in the source.</summary>
    public string Name { get; }

    /// <summary>The type as safetensors calls it: <c>F32</c>, <c>BF16</c>, <c>I64</c>, …</summary>
    public string DataType { get; }

    /// <summary>Sizes from the slowest index to the fastest; empty for a scalar.</summary>
    public IReadOnlyList<int> Shape => Dimensions;

    /// <summary>Product of the sizes; 1 for a scalar.</summary>
    public long ElementCount { get; }

    internal int[] Dimensions { get; }

    /// <summary>Where its bytes begin in the source's data.</summary>
    internal long Begin { get; }

    /// <summary>Where they end.</summary>
    internal long End { get; }

    /// <summary>Such as <c>weight_ih_l0 F32 [8, 3]</c>.</summary>
    public override string ToString() => $"{Name} {DataType} {Text(Dimensions)}";

    internal static string Text(IEnumerable<int> shape) => ShapeText.Of(shape as int[] ?? [.. shape]);
}
