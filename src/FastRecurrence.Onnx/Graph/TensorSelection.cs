using FastRecurrence.Import;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The ONNX operators that pick or repeat elements. Bad axes, sizes and indices are ArgumentExceptions.</summary>
internal static class TensorSelection
{
    /// <summary>One output of a Split.</summary>
    /// <param name="tensor">What is split.</param>
    /// <param name="axis">Along which axis.</param>
    /// <param name="sizes">The size of each output; null for equal ones, of which the last may be smaller.</param>
    /// <param name="outputs">How many outputs there are.</param>
    /// <param name="wanted">Which one.</param>
    /// <param name="budget">How much may be made.</param>
    public static OnnxTensor Split(OnnxTensor tensor, long axis, long[]? sizes, int outputs, int wanted, FoldingBudget budget)
    {
        budget.Take(8L * outputs);
        int along = TensorShapes.Axis(axis, tensor.Shape.Length), size = tensor.Shape[along];
        if (sizes is not null && (sizes.Length != outputs || sizes.Any(part => part < 0 || part > size) || sizes.Sum() != size))
        {
            string parts = FormattableString.Invariant($"{outputs} parts of the sizes {ShapeText.Of(sizes)}");
            throw new ArgumentException(FormattableString.Invariant($"{parts} do not make up the {size} of axis {along}."));
        }

        long each = (size + outputs - 1) / outputs;
        long start = Math.Min(size, sizes is null ? each * wanted : sizes.Take(wanted).Sum());
        long end = Math.Min(size, start + (sizes is null ? each : sizes[wanted]));
        return TensorMoves.Slice(tensor, [start], [end], [along], null, budget);
    }

    public static OnnxTensor Gather(OnnxTensor tensor, OnnxTensor indices, long axis, FoldingBudget budget)
    {
        if (indices.Type is not (ElementType.Int32 or ElementType.Int64))
            throw new ArgumentException($"the indices are {indices.Type.Text()}; whole numbers were expected.");
        int along = TensorShapes.Axis(axis, tensor.Shape.Length), size = tensor.Shape[along];
        TensorShapes.RequireRank(tensor.Shape.Length + indices.Shape.Length - 1);
        int[] shape = [.. tensor.Shape[..along], .. indices.Shape, .. tensor.Shape[(along + 1)..]];
        long bytes = (long)TensorShapes.Product(shape) * tensor.Type.Size();
        budget.Take(bytes + 8L * indices.Count);
        long[] picked = indices.ToIntegers()!;
        for (int i = 0; i < picked.Length; i++)
        {
            if (picked[i] < -size || picked[i] >= size)
                throw new ArgumentException(FormattableString.Invariant($"index {i} is {picked[i]}, but axis {along} has {size}."));
            picked[i] += picked[i] < 0 ? size : 0;
        }

        var data = new byte[bytes];
        if (bytes == 0)
            return new OnnxTensor(tensor.Type, shape, data);
        int inner = TensorShapes.Product(tensor.Shape.AsSpan(along + 1)) * tensor.Type.Size(), outer = TensorShapes.Product(tensor.Shape.AsSpan(0, along));
        for (int row = 0, to = 0; row < outer; row++)
        {
            foreach (long index in picked)
            {
                tensor.Data.Span.Slice((row * size + (int)index) * inner, inner).CopyTo(data.AsSpan(to));
                to += inner;
            }
        }

        return new OnnxTensor(tensor.Type, shape, data);
    }

    public static OnnxTensor Tile(OnnxTensor tensor, long[] repeats, FoldingBudget budget)
    {
        int rank = tensor.Shape.Length;
        if (repeats.Length != rank || repeats.Any(times => times is < 0 or > int.MaxValue))
            throw new ArgumentException($"repeats {ShapeText.Of(repeats)} do not fit {tensor.ShapeText}.");

        // Each axis becomes two, how often and what: along the first one nothing moves.
        int[] own = TensorShapes.Strides(tensor.Shape), shape = new int[2 * rank], strides = new int[2 * rank], result = new int[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            shape[2 * axis] = (int)repeats[axis];
            (shape[2 * axis + 1], strides[2 * axis + 1]) = (tensor.Shape[axis], own[axis]);
            result[axis] = TensorShapes.Product([tensor.Shape[axis], (int)repeats[axis]]);
        }

        return TensorMoves.Strided(tensor, shape, strides, 0, budget) with { Shape = result };
    }

    public static OnnxTensor Expand(OnnxTensor tensor, long[] shape, FoldingBudget budget)
    {
        TensorShapes.RequireRank(shape.Length);
        if (shape.Any(size => size is < 0 or > int.MaxValue))
            throw new ArgumentException($"the shape {ShapeText.Of(shape)} is not possible.");
        int[] full = TensorShapes.Broadcast(tensor.Shape, [.. shape.Select(size => (int)size)]);
        return TensorMoves.Strided(tensor, full, TensorShapes.BroadcastStrides(tensor, full), 0, budget);
    }
}
