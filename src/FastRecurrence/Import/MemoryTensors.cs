using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>Tensors that are in memory already, such as those of a JSON state dictionary.</summary>
public sealed class MemoryTensors : TensorSource
{
    private readonly Dictionary<string, (TensorInfo Info, double[] Values)> _tensors = [];
    private readonly List<TensorInfo> _infos = [];

    /// <inheritdoc/>
    public override string Name => "memory";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _infos;

    /// <summary>Adds a tensor of floats.</summary>
    /// <param name="name">Its name; each only once.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="values">Its numbers, row-major.</param>
    /// <exception cref="ArgumentException">The name is taken, or the numbers are not as many as the shape says.</exception>
    public void Add(string name, IReadOnlyList<int> shape, ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        Add(name, shape, wide, "F32");
    }

    internal void Add(string name, IReadOnlyList<int> shape, double[] values, string dataType)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(shape);
        var info = new TensorInfo(name, dataType, [.. shape], 0, 0);
        if (info.ElementCount != values.Length)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"tensor '{name}' has {values.Length} values, but its shape {TensorInfo.Text(shape)} holds {info.ElementCount}."), nameof(values));
        }

        if (!_tensors.TryAdd(name, (info, values)))
            throw new ArgumentException($"there is a tensor '{name}' already.", nameof(name));
        _infos.Add(info);
    }

    /// <inheritdoc/>
    public override TensorInfo? Find(string name) => _tensors.TryGetValue(name, out var found) ? found.Info : null;

    private protected override float[] ReadFloatsCore(TensorInfo info) => Array.ConvertAll(_tensors[info.Name].Values, v => (float)v);

    private protected override double[] ReadDoublesCore(TensorInfo info) => (double[])_tensors[info.Name].Values.Clone();
}
