using System.Globalization;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The ONNX operators that only move elements, over bytes: the element type plays no part. Bad axes and sizes are ArgumentExceptions.</summary>
internal static class TensorMoves
{
    public static OnnxTensor Transpose(OnnxTensor tensor, long[]? permutation, FoldingBudget budget)
    {
        int rank = tensor.Shape.Length;
        permutation ??= [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
        if (permutation.Length != rank || permutation.Distinct().Count() != rank || permutation.Any(axis => axis < 0 || axis >= rank))
            throw new ArgumentException($"perm [{string.Join(", ", permutation)}] does not permute {rank} axes.");
        int[] strides = Strides(tensor.Shape);
        return Gather(tensor, [.. permutation.Select(axis => tensor.Shape[axis])], [.. permutation.Select(axis => strides[axis])], 0, budget);
    }

    public static OnnxTensor Squeeze(OnnxTensor tensor, long[]? axes)
    {
        int rank = tensor.Shape.Length;
        HashSet<int> gone = axes is null ? [.. Enumerable.Range(0, rank).Where(axis => tensor.Shape[axis] == 1)] : [.. axes.Select(axis => Axis(axis, rank))];
        if (gone.Any(axis => tensor.Shape[axis] != 1))
            throw new ArgumentException($"an axis of {tensor.ShapeText} is not 1 and cannot be squeezed.");
        return tensor with { Shape = [.. tensor.Shape.Where((_, axis) => !gone.Contains(axis))] };
    }

    public static OnnxTensor Unsqueeze(OnnxTensor tensor, long[] axes)
    {
        int rank = tensor.Shape.Length + axes.Length;
        HashSet<int> added = [.. axes.Select(axis => Axis(axis, rank))];
        if (added.Count != axes.Length)
            throw new ArgumentException("an axis is added twice.");
        var rest = new Queue<int>(tensor.Shape);
        return tensor with { Shape = [.. Enumerable.Range(0, rank).Select(axis => added.Contains(axis) ? 1 : rest.Dequeue())] };
    }

    public static OnnxTensor Reshape(OnnxTensor tensor, long[] shape)
    {
        long[] wanted = [.. shape.Select((size, axis) => size == 0 && axis < tensor.Shape.Length ? tensor.Shape[axis] : size)];
        Int128 known = 1;
        foreach (long size in wanted)
            known = size == -1 ? known : size is >= 0 and <= int.MaxValue && known <= int.MaxValue ? known * size : throw new ArgumentException($"the shape [{string.Join(", ", shape)}] is not possible.");
        int open = wanted.Count(size => size == -1);
        if (open == 1 && known > 0 && tensor.Count % known == 0)
            wanted[Array.IndexOf(wanted, -1L)] = (long)(tensor.Count / known);
        else if (open != 0 || known != tensor.Count)
            throw new ArgumentException($"{tensor.ShapeText} cannot take the shape [{string.Join(", ", shape)}].");
        return tensor with { Shape = [.. wanted.Select(size => (int)size)] };
    }

    public static OnnxTensor Slice(OnnxTensor tensor, long[] starts, long[] ends, long[]? axes, long[]? steps, FoldingBudget budget)
    {
        int rank = tensor.Shape.Length;
        axes ??= [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        steps ??= [.. Enumerable.Repeat(1L, starts.Length)];
        if (starts.Length != ends.Length || starts.Length != axes.Length || starts.Length != steps.Length)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{starts.Length} starts, {ends.Length} ends, {axes.Length} axes and {steps.Length} steps; they must be as many."));
        int[] shape = [.. tensor.Shape], strides = Strides(tensor.Shape);
        int offset = 0;
        var done = new HashSet<int>();
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = Axis(axes[i], rank), size = tensor.Shape[axis];
            if (!done.Add(axis))
                throw new ArgumentException("an axis is sliced twice.");
            if (steps[i] is 0 or < -int.MaxValue or > int.MaxValue)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a step of {steps[i]}."));
            int step = (int)steps[i];
            int Clamp(long at, int low, int high) => (int)Math.Clamp(at < 0 ? at + size : at, low, high);
            int start = step > 0 ? Clamp(starts[i], 0, size) : Clamp(starts[i], 0, size - 1);
            int end = step > 0 ? Clamp(ends[i], 0, size) : ends[i] < -size ? -1 : Clamp(ends[i], -1, size - 1);
            int count = step > 0 ? (int)Math.Max(0, ((long)end - start + step - 1) / step) : (int)Math.Max(0, ((long)start - end - step - 1) / -(long)step);
            if (size == 0)
                count = start = 0;
            offset += count == 0 ? 0 : start * strides[axis];
            shape[axis] = count;
            strides[axis] = count > 1 ? strides[axis] * step : 0;
        }

        return Gather(tensor, shape, strides, offset, budget);
    }

    public static OnnxTensor Concat(OnnxTensor[] parts, long axis, FoldingBudget budget)
    {
        OnnxTensor first = parts[0];
        int along = Axis(axis, first.Shape.Length);
        foreach (OnnxTensor part in parts)
        {
            if (part.Type != first.Type || part.Shape.Length != first.Shape.Length || part.Shape.Where((size, i) => i != along && size != first.Shape[i]).Any())
                throw new ArgumentException($"{part.Type.Text()} {part.ShapeText} and {first.Type.Text()} {first.ShapeText} cannot be joined along axis {along.ToString(CultureInfo.InvariantCulture)}.");
        }

        long bytes = parts.Sum(part => (long)part.Data.Length);
        budget.Take(bytes);
        var data = new byte[bytes];
        int outer = first.Shape.Take(along).Aggregate(1, (a, b) => a * b), at = 0;
        for (int row = 0; row < outer && bytes != 0; row++)
        {
            foreach (OnnxTensor part in parts)
            {
                int block = part.Data.Length / outer;
                part.Data.Span.Slice(row * block, block).CopyTo(data.AsSpan(at));
                at += block;
            }
        }

        int[] shape = [.. first.Shape];
        shape[along] = checked(parts.Sum(part => part.Shape[along]));
        return new OnnxTensor(first.Type, shape, data);
    }

    public static OnnxTensor Fill(long[] shape, OnnxTensor value, FoldingBudget budget)
    {
        Int128 bytes = value.Data.Length;
        foreach (long size in shape)
        {
            if (size is < 0 or > int.MaxValue)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a size of {size}."));
            bytes = size == 0 || bytes <= int.MaxValue ? bytes * size : bytes;
        }

        budget.Take((long)Int128.Min(bytes, long.MaxValue));
        var data = new byte[(int)bytes];
        for (int at = 0; at < data.Length; at += value.Data.Length)
            value.Data.Span.CopyTo(data.AsSpan(at));
        return new OnnxTensor(value.Type, [.. shape.Select(size => (int)size)], data);
    }

    /// <summary>Elements by strides into new, dense memory.</summary>
    private static OnnxTensor Gather(OnnxTensor tensor, int[] shape, int[] strides, int offset, FoldingBudget budget)
    {
        int size = tensor.Type.Size(), count = shape.Aggregate(1, (a, b) => a * b);
        budget.Take((long)count * size);
        var data = new byte[count * size];
        ReadOnlySpan<byte> source = tensor.Data.Span;
        var index = new int[shape.Length];
        for (int i = 0, at = offset; i < count; i++)
        {
            source.Slice(at * size, size).CopyTo(data.AsSpan(i * size));
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < shape[axis])
                    break;
                at -= shape[axis] * strides[axis];
                index[axis] = 0;
            }
        }

        return new OnnxTensor(tensor.Type, shape, data);
    }

    private static int[] Strides(int[] shape)
    {
        var strides = new int[shape.Length];
        for (int axis = shape.Length - 1, stride = 1; axis >= 0; stride *= shape[axis--])
            strides[axis] = stride;
        return strides;
    }

    private static int Axis(long axis, int rank)
    {
        if (axis < -rank || axis >= rank)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"axis {axis} of {rank} axes."));
        return (int)(axis < 0 ? axis + rank : axis);
    }
}
