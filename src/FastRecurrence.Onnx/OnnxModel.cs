using System.Globalization;
using FastRecurrence.Onnx.Graph;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx;

/// <summary>
/// An ONNX file seen through its recurrent nodes. Nothing is executed; external data are read from the model's folder only.
/// A node that contradicts the operators' definition refuses the whole file; one that is valid but cannot be taken (computed
/// weights) is listed with the reason.
/// </summary>
public sealed class OnnxModel
{
    private readonly int _nodeCount;

    private OnnxModel(string name, ModelProto model, int size, string? folder, OnnxReadOptions? options, IReadOnlyDictionary<string, OnnxTensor>? bound)
    {
        Name = name;
        Producer = $"{NodeText.Short(model.ProducerName)} {NodeText.Short(model.ProducerVersion)}".Trim();
        var external = new ExternalData(folder);
        var finder = new RecurrentFinder(name, model, new ConstantFolder(external, new FoldingBudget(size, external)), options?.Strict ?? false);
        try
        {
            finder.Walk(bound);
        }
        catch (OverflowException e)
        {
            throw new ModelFormatException(name, $"sizes overflow: {e.Message}", e);
        }

        RecurrentNodes = finder.Found;
        LookAlikes = finder.LookAlikes;
        _nodeCount = finder.NodeCount;
        Initializers = new InitializerSource(name, model.Graph, external);
        Inputs = [.. model.Graph.Input.Select(i => i.Name).Except(model.Graph.Initializer.Select(t => t.Name))];
        Outputs = [.. model.Graph.Output.Select(o => o.Name)];
    }

    /// <summary>What errors call the model: the file's name.</summary>
    public string Name { get; }

    /// <summary>Who wrote the file, as it says itself.</summary>
    public string Producer { get; }

    /// <summary>Names of the main graph's inputs that have no stored value.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>Names of the main graph's outputs.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>Every RNN, GRU and LSTM node, wherever it is, in the order of the file.</summary>
    public IReadOnlyList<OnnxRecurrentNode> RecurrentNodes { get; }

    /// <summary>What looks recurrent but is no recurrent node, a line each: quantised cells, loops, cells that were spelled out.</summary>
    public IReadOnlyList<string> LookAlikes { get; }

    /// <summary>
    /// The stored tensors of the main graph, read on demand: for what is not recurrent. Recurrent weights are better taken from
    /// <see cref="RecurrentNodes"/>: what is stored may have another order than the node sees.
    /// </summary>
    public FastRecurrence.Import.TensorSource Initializers { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">The file is damaged or contradicts itself or the operators; the message names the node.</exception>
    /// <exception cref="NotSupportedException">A recurrent node is of an opset or a domain that is not supported.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OnnxModel Load(string path, OnnxReadOptions? options = null) => Load(path, options, null);

    /// <summary>Reads a model from memory; it cannot have external data.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="options">How to read it.</param>
    /// <exception cref="ModelFormatException">As <see cref="Load(string, OnnxReadOptions?)"/>.</exception>
    /// <exception cref="NotSupportedException">As <see cref="Load(string, OnnxReadOptions?)"/>.</exception>
    public static OnnxModel Read(ReadOnlySpan<byte> bytes, string name = "model", OnnxReadOptions? options = null) =>
        new(name, WireReader.Model(name, bytes), bytes.Length, null, options, null);

    /// <summary>The layers of all recurrent nodes.</summary>
    /// <exception cref="NotSupportedException">There is none, or one cannot be taken; the message says what there is instead.</exception>
    public IReadOnlyList<OnnxLayer> RequireLayers()
    {
        if (RecurrentNodes.Count == 0)
        {
            string alike = LookAlikes.Count == 0 ? "" : $" Look-alikes: {string.Join("; ", LookAlikes.Take(5))}.";
            throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"{Name}: no LSTM, GRU or RNN node among {_nodeCount} nodes.{alike}"));
        }

        return [.. RecurrentNodes.Select(node => node.RequireLayer())];
    }

    /// <summary>Reads a file with values for some of its inputs.</summary>
    internal static OnnxModel Load(string path, OnnxReadOptions? options, IReadOnlyDictionary<string, OnnxTensor>? bound)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string name = Path.GetFileName(path);
        long size = new FileInfo(path).Length;
        if (size > int.MaxValue)
            throw new ModelFormatException(name, string.Create(CultureInfo.InvariantCulture, $"{size} bytes; a protobuf message has at most {int.MaxValue}. Larger models keep their weights as external data."));
        byte[] bytes = File.ReadAllBytes(path);
        return new OnnxModel(name, WireReader.Model(name, bytes), bytes.Length, Path.GetDirectoryName(Path.GetFullPath(path)), options, bound);
    }
}
