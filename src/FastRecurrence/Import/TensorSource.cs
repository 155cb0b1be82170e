using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>Named tensors, from a file or from memory; numbers are read when they are used.</summary>
public abstract class TensorSource
{
    private protected TensorSource()
    {
    }

    /// <summary>What errors call the source: a file name, or <c>memory</c>.</summary>
    public abstract string Name { get; }

    /// <summary>All tensors, in the order of the source.</summary>
    public abstract IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Looks a tensor up.</summary>
    /// <exception cref="ModelFormatException">There is none of that name.</exception>
    public TensorInfo this[string name] => Find(name) ?? throw new ModelFormatException(Name, $"there is no tensor '{name}'.");

    /// <summary>Looks a tensor up; null when there is none.</summary>
    public abstract TensorInfo? Find(string name);

    /// <summary>A tensor's numbers as float, row-major: F32 as they are, F16 and BF16 widened exactly, F64 rounded.</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or it holds integers or another type that is no weight.</exception>
    /// <exception cref="IOException">The file cannot be read, or it became shorter.</exception>
    public float[] ReadFloats(string name)
    {
        TensorInfo info = this[name];
        RequireFloating(info);
        return ReadFloatsCore(info);
    }

    /// <summary>A tensor's numbers as double, row-major, exactly.</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or it holds integers or another type that is no weight.</exception>
    /// <exception cref="IOException">The file cannot be read, or it became shorter.</exception>
    public double[] ReadDoubles(string name)
    {
        TensorInfo info = this[name];
        RequireFloating(info);
        return ReadDoublesCore(info);
    }

    private protected abstract float[] ReadFloatsCore(TensorInfo info);

    private protected abstract double[] ReadDoublesCore(TensorInfo info);

    /// <summary>Refuses a tensor that is no weight.</summary>
    internal void RequireFloating(TensorInfo info)
    {
        if (!SafetensorsType.IsFloating(info.DataType))
            throw Wrong(info, $"its type is {info.DataType}; weights are read from F32, F64, F16 or BF16. Integers are never taken for weights.");
        if (info.ElementCount > Array.MaxLength)
            throw Wrong(info, string.Create(CultureInfo.InvariantCulture, $"{info.ElementCount} elements; an array holds at most {Array.MaxLength}."));
    }

    private ModelFormatException Wrong(TensorInfo info, string reason) => new($"{Name}, tensor '{info.Name}'", reason);
}
