using System.Globalization;
using FastRecurrence.Cells;

namespace FastRecurrence.Import;

/// <summary>
/// The state dictionary of PyTorch's LSTM, GRU and RNN (TorchSharp's alike) and of their cells, in both directions:
/// <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, <c>bias_ih_l0</c>, <c>bias_hh_l0</c>, <c>weight_hr_l0</c>, each also with
/// <c>_reverse</c>, behind any prefix; a cell's names have no <c>_l0</c>. Gates i, f, g, o and r, z, n.
/// </summary>
public static class PyTorchWeights
{
    private const string Wrapped = "module.";

    /// <summary>Finds every recurrent module of a source, by prefix, and checks its parts against each other.</summary>
    /// <param name="source">A safetensors file or tensors in memory; tensors of other names belong to other modules.</param>
    /// <param name="prefix">Only names that begin with it are looked at.</param>
    /// <returns>
    /// The modules in the order of the source; empty when there are none. A module that cannot be taken is among them, with its
    /// <see cref="PyTorchModule.Refusal"/>: a part lacks its partner (one bias of two, no weight_hh, a layer or a reverse direction
    /// missing, weight_hr of some layers only), shapes contradict each other, or a tensor holds integers. It costs no other module.
    /// </returns>
    /// <example><code>
    /// using SafetensorsFile file = SafetensorsFile.Open(path);
    /// foreach (PyTorchModule module in PyTorchWeights.Find(file))
    ///     Console.WriteLine($"{module.Prefix}: {module.Refusal ?? "can be taken"}");
    /// using var stack = new RecurrentStack(Backend.Simd, PyTorchWeights.Find(file)[0].ToLayers());
    /// </code></example>
    public static IReadOnlyList<PyTorchModule> Find(TensorSource source, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(prefix);
        var modules = new Dictionary<(string Prefix, bool Cell), PyTorchParts>();
        foreach (TensorInfo info in source.Tensors)
        {
            if (!info.Name.StartsWith(prefix, StringComparison.Ordinal) || PyTorchName.Of(info.Name) is not { } name)
                continue;
            (string, bool) key = (name.Prefix, name.IsCell);
            if (!modules.TryGetValue(key, out PyTorchParts? parts))
                modules.Add(key, parts = new PyTorchParts(source, name.Prefix, name.IsCell));
            parts.Add(name, info);
        }

        var found = new List<PyTorchModule>();
        foreach (((string Prefix, bool Cell) key, PyTorchParts parts) in modules)
        {
            bool inside = key.Prefix.EndsWith(Wrapped, StringComparison.Ordinal);
            if (inside && modules.TryGetValue((key.Prefix[..^Wrapped.Length], key.Cell), out PyTorchParts? wrapper))
                parts.AddStandIns(wrapper);
            if (parts.HasParts || !modules.ContainsKey((key.Prefix + Wrapped, key.Cell)))
                found.Add(parts.Assemble());
        }

        return found;
    }

    /// <summary>Writes layers as a state dictionary: two biases, the recurrent one zero but for a GRU's candidate.</summary>
    /// <param name="layers">All layers LSTM, all GRU (linear before the reset) or all Elman, with the same directions and sizes.</param>
    /// <param name="prefix">Put before every name, such as <c>encoder.</c></param>
    /// <exception cref="NotSupportedException">PyTorch has no such layer.</exception>
    public static MemoryTensors Export(IReadOnlyList<StackLayer> layers, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(prefix);
        var tensors = new MemoryTensors();
        for (int k = 0; k < layers.Count; k++)
        {
            if (layers[k].Forward is null || layers[k].DirectionCount != layers[0].DirectionCount)
                throw new NotSupportedException($"layer {k} ({layers[k]}): PyTorch's layers all walk forward, or all in both directions.");
            Export(tensors, layers[k].Forward!, prefix, string.Create(CultureInfo.InvariantCulture, $"_l{k}"));
            if (layers[k].Reverse is { } reverse)
                Export(tensors, reverse, prefix, string.Create(CultureInfo.InvariantCulture, $"_l{k}_reverse"));
        }

        return tensors;
    }

    private static void Export(MemoryTensors tensors, LayerWeights weights, string prefix, string suffix)
    {
        LayerShape shape = weights.Shape;
        Unsupported.Variations(shape, "PyTorch", projection: true);
        if (shape.Definition == Gru.Definition && !shape.LinearBeforeReset)
            throw new NotSupportedException("PyTorch's GRU is always linear before its reset; this layer resets before the product.");
        int rows = shape.GateCount * shape.HiddenSize;
        (float[] input, float[] recurrent) = WeightOrder.PyTorch.ExportBias(weights);
        tensors.Add($"{prefix}weight_ih{suffix}", [rows, shape.InputSize], weights.InputWeights);
        tensors.Add($"{prefix}weight_hh{suffix}", [rows, shape.OutputSize], weights.RecurrentWeights);
        tensors.Add($"{prefix}bias_ih{suffix}", [rows], input);
        tensors.Add($"{prefix}bias_hh{suffix}", [rows], recurrent);
        if (shape.ProjectionSize != 0)
            tensors.Add($"{prefix}weight_hr{suffix}", [shape.ProjectionSize, shape.HiddenSize], weights.Projection);
    }
}
