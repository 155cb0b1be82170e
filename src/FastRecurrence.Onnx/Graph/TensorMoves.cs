using System.Globalization;
using FastRecurrence.Import;
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
            throw new ArgumentException(FormattableString.Invariant($"perm {ShapeText.Of(permutation)} does not permute {rank} axes."));
        int[] strides = TensorShapes.Strides(tensor.Shape);
        return Strided(tensor, [.. permutation.Select(axis => tensor.Shape[axis])], [.. permutation.Select(axis => strides[axis])], 0, budget);
    }

    public static OnnxTensor Slice(OnnxTensor tensor, long[] starts, long[] ends, long[]? axes, long[]? steps, FoldingBudget budget)
    {
        int rank = tensor.Shape.Length;
        TensorShapes.RequireRank(Math.Max(starts.Length, axes?.Length ?? 0));
        axes ??= [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        steps ??= [.. Enumerable.Repeat(1L, starts.Length)];
        if (starts.Length != ends.Length || starts.Length != axes.Length || starts.Length != steps.Length)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{starts.Length} starts, {ends.Length} ends, {axes.Length} axes and {steps.Length} steps; they must be as many."));
        }

        int[] shape = [.. tensor.Shape], strides = TensorShapes.Strides(tensor.Shape);
        int offset = 0;
        var done = new HashSet<int>();
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = TensorShapes.Axis(axes[i], rank), size = tensor.Shape[axis];
            if (!done.Add(axis))
                throw new ArgumentException("an axis is sliced twice.");
            if (steps[i] is 0 or < -int.MaxValue or > int.MaxValue)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a step of {steps[i]}."));
            int step = (int)steps[i];
            int Clamp(long at, int low, int high) => (int)Math.Clamp(at < 0 ? at + size : at, low, high);
            int start = step > 0 ? Clamp(starts[i], 0, size) : Clamp(starts[i], 0, size - 1);
            int end = step > 0 ? Clamp(ends[i], 0, size) : ends[i] < -size ? -1 : Clamp(ends[i], -1, size - 1);
            long most = step > 0 ? ((long)end - start + step - 1) / step : ((long)start - end - step - 1) / -(long)step;
            int count = (int)Math.Max(0, most);
            if (size == 0)
                count = start = 0;
            offset += count == 0 ? 0 : start * strides[axis];
            shape[axis] = count;
            strides[axis] = count > 1 ? strides[axis] * step : 0;
        }

        return Strided(tensor, shape, strides, offset, budget);
    }

    public static OnnxTensor Concat(OnnxTensor[] parts, long axis, FoldingBudget budget)
    {
        OnnxTensor first = parts[0];
        int along = TensorShapes.Axis(axis, first.Shape.Length);
        foreach (OnnxTensor part in parts)
        {
            bool ranks = part.Type == first.Type && part.Shape.Length == first.Shape.Length;
            if (!ranks || part.Shape.Where((size, i) => i != along && size != first.Shape[i]).Any())
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"{part.Type.Text()} {part.ShapeText} and {first.Type.Text()} {first.ShapeText} cannot be joined along axis {along}."));
            }
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
        TensorShapes.RequireRank(shape.Length);
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
    public static OnnxTensor Strided(OnnxTensor tensor, int[] shape, int[] strides, int offset, FoldingBudget budget)
    {
        int size = tensor.Type.Size(), count = TensorShapes.Product(shape);
        budget.Take((long)count * size);
        var data = new byte[checked(count * size)];
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
}
