using System.Globalization;
using System.Text.RegularExpressions;

namespace FastRecurrence.Import;

/// <summary>
/// The state dictionary of PyTorch's LSTM, GRU and RNN (TorchSharp's alike) and of their cells, in both directions:
/// <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, <c>bias_ih_l0</c>, <c>bias_hh_l0</c>, <c>weight_hr_l0</c>, each also with
/// <c>_reverse</c>, behind any prefix; a cell's names have no <c>_l0</c>. Gates i, f, g, o and r, z, n.
/// </summary>
public static partial class PyTorchWeights
{
    /// <summary>Finds every recurrent module of a source, by prefix, and checks its parts against each other.</summary>
    /// <param name="source">A safetensors file or tensors in memory; tensors of other names belong to other modules.</param>
    /// <param name="prefix">Only names that begin with it are looked at.</param>
    /// <returns>The modules in the order of the source; empty when there are none.</returns>
    /// <exception cref="ModelFormatException">
    /// A part lacks its partner (one bias of two, no weight_hh, a layer or a reverse direction missing, weight_hr of some layers
    /// only), or shapes contradict each other. The message names both.
    /// </exception>
    public static IReadOnlyList<PyTorchModule> Find(TensorSource source, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(prefix);
        var parts = new Dictionary<(string Prefix, bool Cell), List<(TensorInfo Info, string Part, int Layer, bool Reverse)>>();
        foreach (TensorInfo info in source.Tensors)
        {
            Match match = Names().Match(info.Name);
            if (!match.Success || !info.Name.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            source.RequireFloating(info);
            bool cell = !match.Groups["layer"].Success;
            int layer = cell ? 0 : int.Parse(match.Groups["layer"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
            (string, bool) key = (match.Groups["prefix"].Value, cell);
            if (!parts.TryGetValue(key, out var found))
                parts.Add(key, found = []);
            found.Add((info, match.Groups["part"].Value, layer, match.Groups["reverse"].Success));
        }

        return [.. parts.Select(module => Assemble(source, module.Key.Prefix, module.Key.Cell, module.Value))];
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
        if (shape is { Cell: CellKind.Gru, LinearBeforeReset: false })
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

    private static PyTorchModule Assemble(TensorSource source, string prefix, bool cell, List<(TensorInfo Info, string Part, int Layer, bool Reverse)> found)
    {
        string where = prefix.Length == 0 ? source.Name : $"{source.Name}, '{prefix}'";
        int layers = 1 + found.Max(f => f.Layer);
        bool reverse = found.Exists(f => f.Reverse);
        if (layers > found.Count)
        {
            int missing = Enumerable.Range(0, layers).First(k => !found.Exists(f => f.Layer == k));
            throw new ModelFormatException(where, string.Create(CultureInfo.InvariantCulture, $"layer {layers - 1} is there, but layer {missing} is missing."));
        }

        var directions = new List<PyTorchDirection>();
        var byName = new Dictionary<(string, int, bool), TensorInfo>();
        foreach ((TensorInfo info, string part, int layer, bool backward) in found)
        {
            if (!byName.TryAdd((part, layer, backward), info))
                throw new ModelFormatException(where, $"{info.Name} and {byName[(part, layer, backward)].Name} are the same part.");
        }

        for (int k = 0; k < layers; k++)
        {
            foreach (bool backward in (ReadOnlySpan<bool>)(reverse ? [false, true] : [false]))
            {
                TensorInfo? Part(string part) => byName.GetValueOrDefault((part, k, backward));
                string suffix = (cell ? "" : string.Create(CultureInfo.InvariantCulture, $"_l{k}")) + (backward ? "_reverse" : "");
                if (Part("weight_ih") is null && Part("weight_hh") is null && Part("bias_ih") is null && Part("bias_hh") is null && Part("weight_hr") is null)
                {
                    throw new ModelFormatException(where, string.Create(CultureInfo.InvariantCulture,
                        $"{prefix}weight_ih{suffix} and its partners are missing: {(found.Exists(f => f.Layer == k) ? $"layer {k} has one direction, and there is another of two" : $"layer {k} is missing, and layer {layers - 1} is there")}."));
                }

                TensorInfo Required(string part) => Part(part) ?? throw new ModelFormatException(where, $"{prefix}{part}{suffix} is missing, but its partners are there.");
                directions.Add(new PyTorchDirection(Required("weight_ih"), Required("weight_hh"), Part("bias_ih"), Part("bias_hh"), Part("weight_hr")));
            }
        }

        return new PyTorchModule(source, prefix, where, cell, reverse, [.. directions]);
    }

    [GeneratedRegex(@"^(?<prefix>.*?)(?<part>weight_(?:ih|hh|hr)|bias_(?:ih|hh))(?:_l(?<layer>[0-9]{1,4})(?<reverse>_reverse)?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Names();
}

/// <summary>The tensors of one layer and direction.</summary>
internal sealed record PyTorchDirection(TensorInfo InputWeights, TensorInfo RecurrentWeights, TensorInfo? InputBias, TensorInfo? RecurrentBias, TensorInfo? Projection);
