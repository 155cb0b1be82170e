using System.Globalization;
using FastRecurrence.Import;
using FastRecurrence.Onnx;
using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Cli.Inspection;

/// <summary>What a file holds.</summary>
/// <param name="File">Its name.</param>
/// <param name="Format">safetensors or onnx.</param>
/// <param name="Bytes">Its size; without external data.</param>
/// <param name="Origin">Who wrote it, as it says itself; may be empty.</param>
/// <param name="Layers">Its recurrent layers.</param>
/// <param name="Rest">What else is there, in a line.</param>
internal sealed record InspectedFile(string File, string Format, long Bytes, string Origin, IReadOnlyList<InspectedLayer> Layers, string Rest)
{
    public long Parameters => Layers.Sum(l => l.Parameters);

    public long WeightBytes => Layers.Sum(l => l.WeightBytes);

    /// <summary>The layers that take a step: of an If the branch with more work, since it runs one of them.</summary>
    public IReadOnlyList<InspectedLayer> Executed => Dearest(Layers, 0);

    /// <summary>Of one step of one row through every executed layer.</summary>
    public double FlopsPerStep => Executed.Sum(l => l.FlopsPerStep);

    private static IReadOnlyList<InspectedLayer> Dearest(IReadOnlyList<InspectedLayer> layers, int depth) =>
    [
        .. layers.Where(l => l.Branches.Count == depth),
        .. from node in layers.Where(l => l.Branches.Count > depth).GroupBy(l => l.Branches[depth].If)
           let branches = node.GroupBy(l => l.Branches[depth].Branch).Select(branch => Dearest([.. branch], depth + 1))
           from layer in branches.MaxBy(branch => branch.Sum(l => l.FlopsPerStep))!
           select layer,
    ];
}

/// <summary>Opens a file, reads every weight of every recurrent layer, and says what is there.</summary>
internal static class ModelInspector
{
    /// <param name="path">A file.</param>
    /// <param name="prefix">Only layers whose name begins so.</param>
    /// <exception cref="ModelFormatException">The file is damaged or contradicts itself.</exception>
    /// <exception cref="NotSupportedException">It is an ONNX model without a recurrent node that can be taken.</exception>
    /// <exception cref="CommandException">There is no such file, or it cannot be read, or it has no layer of such a name.</exception>
    public static InspectedFile Read(string path, string prefix = "")
    {
        if (Directory.Exists(path))
            throw new CommandException(ExitCode.Failure, $"'{path}' is a folder; a file was expected.");
        if (!File.Exists(path))
            throw new CommandException(ExitCode.Failure, $"there is no file '{path}'.");
        try
        {
            InspectedFile found = IsSafetensors(path) ? ReadSafetensors(path, prefix) : ReadOnnx(path, prefix);
            return found.Layers.Count > 0 || prefix.Length == 0 ? found
                : throw new CommandException(ExitCode.Failure, $"{found.File} has no recurrent layer whose name begins with '{prefix}'.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot read '{path}': {e.Message}", e);
        }
    }

    // A file of another name is safetensors when a header's brace follows its length; the ONNX reader says what anything else is.
    private static bool IsSafetensors(string path)
    {
        string extension = Path.GetExtension(path);
        if (extension.Equals(".safetensors", StringComparison.OrdinalIgnoreCase) || extension.Equals(".onnx", StringComparison.OrdinalIgnoreCase))
            return extension.Length > ".onnx".Length;
        using SafeFileHandle file = RegularFile.Open(path);
        Span<byte> start = stackalloc byte[9];
        return RandomAccess.Read(file, start, 0) == start.Length && start[8] == '{';
    }

    private static InspectedFile ReadSafetensors(string path, string prefix)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(file, prefix);
        if (modules.Count != 0 && modules.All(module => module.Refusal is not null))
            modules[0].ToLayers(); // none that can be taken: refused with the reason
        InspectedLayer[] layers = [.. modules.SelectMany(Layers)];
        string example = file.Tensors.Count == 0 ? "" : $", the first {file.Tensors[0]}";
        string none = layers.Length == 0 ? "no recurrent layer: no tensor is called weight_ih or weight_hh as PyTorch calls them; " : "";
        string rest = string.Create(CultureInfo.InvariantCulture, $"{none}{file.Tensors.Count} tensors{example}");
        return new InspectedFile(file.Name, "safetensors", new FileInfo(path).Length, file.Metadata.GetValueOrDefault("format", ""), layers, rest);
    }

    private static IEnumerable<InspectedLayer> Layers(PyTorchModule module)
    {
        if (module.Refusal is not null)
        {
            yield return new InspectedLayer(module.Prefix, "module", [], "", "-", 0, [], module.Refusal);
            yield break;
        }

        IReadOnlyList<StackLayer> layers = module.ToLayers();
        string kind = module.Cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" };
        for (int k = 0; k < layers.Count; k++)
        {
            LayerWeights[] weights = [.. new[] { layers[k].Forward, layers[k].Reverse }.OfType<LayerWeights>()];
            List<string> notes = [.. module.Notes, .. NonFinite(weights)];
            if (module.Cell == CellKind.Elman)
                notes.Add("the weights do not tell tanh from relu; tanh is assumed");
            string name = string.Create(CultureInfo.InvariantCulture, $"{module.Prefix}{(module.IsCell ? kind + "Cell" : $"l{k}")}");
            yield return new InspectedLayer(
                name, kind, [.. weights.Select(w => w.Shape)], weights.Length == 2 ? "bidirectional" : "forward",
                module.Cell switch { CellKind.Lstm => "i f g o", CellKind.Gru => "r z n", _ => "-" },
                weights.Sum(w => Parameters(w.Shape, module.HasBias)), notes, null);
        }
    }

    private static InspectedFile ReadOnnx(string path, string prefix)
    {
        OnnxModel model = OnnxModel.Load(path);
        OnnxRecurrentNode[] nodes = [.. model.RecurrentNodes.Where(node => node.Path.StartsWith(prefix, StringComparison.Ordinal))];
        if (model.RecurrentNodes.All(node => node.Layer is null))
            model.RequireLayers(); // none at all, or none that can be taken: refused with the reason
        string alike = model.LookAlikes.Count == 0 ? "" : $"; not recurrent nodes, but alike: {string.Join("; ", model.LookAlikes.Take(5))}";
        string rest = $"inputs {string.Join(", ", model.Inputs)}; outputs {string.Join(", ", model.Outputs)}{alike}";
        InspectedLayer[] layers = [.. nodes.Select(node => Layer(node) with { Branches = node.Branches })];
        return new InspectedFile(model.Name, "onnx", new FileInfo(path).Length, model.Producer, layers, rest);
    }

    private static InspectedLayer Layer(OnnxRecurrentNode node)
    {
        string gates = node.OperatorType switch { "LSTM" => "i o f c", "GRU" => "z r h", _ => "-" };
        if (node.Layer is not { } layer)
            return new InspectedLayer(node.Path, node.OperatorType, [], "", gates, 0, [], node.Refusal);
        IReadOnlyList<LayerWeights> weights = layer.ReadWeights();
        List<string> notes = [.. layer.Warnings, .. NonFinite(weights)];
        if (layer.Layout == SequenceLayout.BatchMajor)
            notes.Add("layout 1: batch-major");
        if (layer.HasSequenceLengths)
            notes.Add("has sequence_lens");
        if (layer.HasInitialState)
            notes.Add("has initial states");
        bool bias = node.Inputs.Count > 3 && node.Inputs[3].Length > 0;
        string direction = layer.IsBidirectional ? "bidirectional" : layer.Direction == Direction.Forward ? "forward" : "reverse";
        return new InspectedLayer(node.Path, node.OperatorType, layer.Shapes, direction, gates, layer.Shapes.Sum(s => Parameters(s, bias)), notes, null);
    }

    private static IEnumerable<string> NonFinite(IEnumerable<LayerWeights> weights) => weights.Select(w => w.FindNonFinite()).OfType<string>();

    private static long Parameters(LayerShape s, bool bias) =>
        (long)s.InputWeightCount + s.RecurrentWeightCount + s.PeepholeCount + s.ProjectionCount + (bias ? 2L * s.GateCount * s.HiddenSize : 0);
}
