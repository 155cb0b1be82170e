using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Arithmetic of constants as runtimes compute it, each result rounded once to its type. Sums, products and quotients of two floats are
/// exact enough in double to be rounded to the same float. Null for a type that is not computed with.
/// </summary>
internal static class TensorArithmetic
{
    public static OnnxTensor? Binary(string operation, OnnxTensor a, OnnxTensor b, FoldingBudget budget)
    {
        if (a.Type != b.Type)
            throw new ArgumentException($"{a.Type.Text()} and {b.Type.Text()} are of different types.");
        if (!a.Type.IsFloating() && a.Type is not (ElementType.Int32 or ElementType.Int64))
            return null;
        int[] shape = TensorShapes.Broadcast(a.Shape, b.Shape);
        int size = a.Type.Size(), count = TensorShapes.Product(shape);
        budget.Take((long)count * size);
        var data = new byte[checked(count * size)];
        int[] left = TensorShapes.BroadcastStrides(a, shape), right = TensorShapes.BroadcastStrides(b, shape), index = new int[shape.Length];
        ReadOnlySpan<byte> from = a.Data.Span, with = b.Data.Span;
        for (int i = 0, la = 0, rb = 0; i < count; i++)
        {
            if (a.Type.IsFloating())
                Elements.Set(data, a.Type, i, Real(operation, Elements.Real(from, a.Type, la), Elements.Real(with, a.Type, rb)));
            else
                Elements.Set(data, a.Type, i, Whole(operation, Elements.Whole(from, a.Type, la), Elements.Whole(with, a.Type, rb)));
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                la += left[axis];
                rb += right[axis];
                if (++index[axis] < shape[axis])
                    break;
                la -= shape[axis] * left[axis];
                rb -= shape[axis] * right[axis];
                index[axis] = 0;
            }
        }

        return new OnnxTensor(a.Type, shape, data);
    }

    /// <summary>Elements between two bounds; a bound may be missing.</summary>
    public static OnnxTensor? Clip(OnnxTensor tensor, OnnxTensor? low, OnnxTensor? high, FoldingBudget budget)
    {
        if (low is { Count: not 1 } || high is { Count: not 1 })
            throw new ArgumentException("a bound is not one number.");
        if (!Computed(tensor.Type) || low is not null && !Computed(low.Type) || high is not null && !Computed(high.Type))
            return null;
        double least = low is null ? double.NegativeInfinity : Elements.Real(low.Data.Span, low.Type, 0);
        double most = high is null ? double.PositiveInfinity : Elements.Real(high.Data.Span, high.Type, 0);
        return Each(tensor, tensor.Type, value => double.IsNaN(value) ? value : Math.Min(Math.Max(value, least), most), budget);
    }

    /// <summary>Another type: exact where it is wider, else rounded to the nearest (to even on a tie), and cut for whole numbers.</summary>
    public static OnnxTensor? Cast(OnnxTensor tensor, ElementType type, FoldingBudget budget)
    {
        if (type == tensor.Type)
            return tensor;
        if (!Computed(tensor.Type) || !Computed(type))
            return null;
        if (type.IsFloating())
            return Each(tensor, type, value => value, budget);
        if (tensor.Type.IsFloating())
            return Each(tensor, type, type == ElementType.Bool ? value => value != 0 ? 1 : 0 : Math.Truncate, budget);
        int size = type.Size();
        budget.Take((long)tensor.Count * size);
        var data = new byte[checked(tensor.Count * size)];
        for (int i = 0; i < tensor.Count; i++)
        {
            long value = Elements.Whole(tensor.Data.Span, tensor.Type, i);
            Elements.Set(data, type, i, type == ElementType.Bool && value != 0 ? 1 : value);
        }

        return new OnnxTensor(type, tensor.Shape, data);
    }

    private static OnnxTensor Each(OnnxTensor tensor, ElementType type, Func<double, double> function, FoldingBudget budget)
    {
        int size = type.Size();
        budget.Take((long)tensor.Count * size);
        var data = new byte[checked(tensor.Count * size)];
        for (int i = 0; i < tensor.Count; i++)
            Elements.Set(data, type, i, function(Elements.Real(tensor.Data.Span, tensor.Type, i)));
        return new OnnxTensor(type, tensor.Shape, data);
    }

    private static bool Computed(ElementType type) => type.Size() != 0 && type != ElementType.Uint64;

    private static double Real(string operation, double a, double b) => operation switch { "Add" => a + b, "Sub" => a - b, "Mul" => a * b, _ => a / b };

    private static long Whole(string operation, long a, long b) => operation switch
    {
        "Add" => unchecked(a + b),
        "Sub" => unchecked(a - b),
        "Mul" => unchecked(a * b),
        _ when b == 0 => throw new ArgumentException("a whole number is divided by 0."),
        _ => b == -1 ? unchecked(-a) : a / b,
    };
}
