using FastRecurrence.Import;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The ONNX operators that change a tensor's sizes and no element, and what axes mean. Bad axes and sizes are ArgumentExceptions.</summary>
internal static class TensorShapes
{
    public static OnnxTensor Squeeze(OnnxTensor tensor, long[]? axes)
    {
        int rank = tensor.Shape.Length;
        if (axes?.Length > rank)
            throw new ArgumentException(FormattableString.Invariant($"{axes.Length} axes of {rank} are to be squeezed."));
        HashSet<int> gone = axes is null ? [.. Enumerable.Range(0, rank).Where(axis => tensor.Shape[axis] == 1)] : [.. axes.Select(axis => Axis(axis, rank))];
        if (gone.Any(axis => tensor.Shape[axis] != 1))
            throw new ArgumentException($"an axis of {tensor.ShapeText} is not 1 and cannot be squeezed.");
        return tensor with { Shape = [.. tensor.Shape.Where((_, axis) => !gone.Contains(axis))] };
    }

    public static OnnxTensor Unsqueeze(OnnxTensor tensor, long[] axes)
    {
        int rank = RequireRank(tensor.Shape.Length + axes.Length);
        HashSet<int> added = [.. axes.Select(axis => Axis(axis, rank))];
        if (added.Count != axes.Length)
            throw new ArgumentException("an axis is added twice.");
        var rest = new Queue<int>(tensor.Shape);
        return tensor with { Shape = [.. Enumerable.Range(0, rank).Select(axis => added.Contains(axis) ? 1 : rest.Dequeue())] };
    }

    public static OnnxTensor Reshape(OnnxTensor tensor, long[] shape, bool keepsZeros)
    {
        RequireRank(shape.Length);
        long[] wanted = [.. shape.Select((size, axis) => size == 0 && !keepsZeros && axis < tensor.Shape.Length ? tensor.Shape[axis] : size)];
        Int128 known = 1;
        foreach (long size in wanted)
        {
            if (size is < -1 or > int.MaxValue || known > int.MaxValue)
                throw new ArgumentException($"the shape {ShapeText.Of(shape)} is not possible.");
            known = size == -1 ? known : known * size;
        }

        int open = wanted.Count(size => size == -1);
        if (open == 1 && known > 0 && tensor.Count % known == 0)
            wanted[Array.IndexOf(wanted, -1L)] = (long)(tensor.Count / known);
        else if (open != 0 || known != tensor.Count)
            throw new ArgumentException($"{tensor.ShapeText} cannot take the shape {ShapeText.Of(shape)}.");
        return tensor with { Shape = [.. wanted.Select(size => (int)size)] };
    }

    public static OnnxTensor Flatten(OnnxTensor tensor, long axis)
    {
        int rank = tensor.Shape.Length;
        if (axis < -rank || axis > rank)
            throw new ArgumentException(FormattableString.Invariant($"axis {axis} of {rank} axes."));
        int at = (int)(axis < 0 ? axis + rank : axis);
        return tensor with { Shape = [Product(tensor.Shape.AsSpan(0, at)), Product(tensor.Shape.AsSpan(at))] };
    }

    public static OnnxTensor ShapeOf(OnnxTensor tensor, long? start, long? end)
    {
        long rank = tensor.Shape.Length;
        long Clamp(long at) => Math.Clamp(at < 0 ? at + rank : at, 0, rank);
        int from = (int)Clamp(start ?? 0), to = (int)Clamp(end ?? rank);
        return OnnxTensor.Of([.. tensor.Shape[from..Math.Max(from, to)].Select(size => (long)size)]);
    }

    /// <summary>How many elements sizes hold.</summary>
    public static int Product(ReadOnlySpan<int> sizes)
    {
        Int128 product = 1;
        foreach (int size in sizes)
        {
            product *= size;
            if (product > int.MaxValue)
                product = sizes.Contains(0) ? 0 : throw new ArgumentException($"the sizes {ShapeText.Of(sizes)} hold more than {int.MaxValue} elements.");
        }

        return (int)product;
    }

    /// <summary>How far apart the elements of each axis are.</summary>
    public static int[] Strides(int[] shape)
    {
        var strides = new int[shape.Length];
        for (int axis = shape.Length - 1, stride = 1; axis >= 0; stride = unchecked(stride * shape[axis--]))
            strides[axis] = stride;
        return strides;
    }

    /// <summary>The sizes to which two are broadcast.</summary>
    public static int[] Broadcast(int[] a, int[] b)
    {
        var shape = new int[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= shape.Length; i++)
        {
            int left = i <= a.Length ? a[^i] : 1, right = i <= b.Length ? b[^i] : 1;
            if (left != right && left != 1 && right != 1)
                throw new ArgumentException($"{ShapeText.Of(a)} and {ShapeText.Of(b)} cannot be broadcast.");
            shape[^i] = left == 1 ? right : left;
        }

        return shape;
    }

    /// <summary>The strides of a tensor that is broadcast to <paramref name="shape"/>: 0 along what is repeated.</summary>
    public static int[] BroadcastStrides(OnnxTensor tensor, int[] shape)
    {
        int[] own = Strides(tensor.Shape), strides = new int[shape.Length];
        for (int i = 1; i <= tensor.Shape.Length; i++)
            strides[^i] = tensor.Shape[^i] == 1 ? 0 : own[^i];
        return strides;
    }

    /// <summary>An axis from 0 on.</summary>
    public static int Axis(long axis, int rank)
    {
        if (axis < -rank || axis >= rank)
            throw new ArgumentException(FormattableString.Invariant($"axis {axis} of {rank} axes."));
        return (int)(axis < 0 ? axis + rank : axis);
    }

    public static int RequireRank(int rank) =>
        rank <= OnnxTensor.MaxRank ? rank
            : throw new ArgumentException(FormattableString.Invariant($"the result has {rank} axes; at most {OnnxTensor.MaxRank} are read."));
}
