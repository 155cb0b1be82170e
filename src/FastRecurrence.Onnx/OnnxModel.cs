using System.Globalization;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Graph;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;
using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Onnx;

/// <summary>
/// An ONNX file seen through its recurrent nodes. Nothing is executed; external data are read from the model's folder only.
/// A node that contradicts the operators' definition refuses the whole file; one that is valid but cannot be taken (computed
/// weights) is listed with the reason.
/// </summary>
public sealed class OnnxModel
{
    private readonly int _nodeCount;

    private OnnxModel(string name, ReadOnlySpan<byte> bytes, string? folder, OnnxReadOptions? options, IReadOnlyDictionary<string, OnnxTensor>? bound = null)
    {
        Name = name;
        ModelProto model = WireReader.Model(name, bytes);
        Producer = $"{NodeText.Short(model.ProducerName)} {NodeText.Short(model.ProducerVersion)}".Trim();
        var external = new ExternalData(folder);
        try
        {
            var survey = new GraphSurvey(name, model);
            var finder = new RecurrentFinder(name, survey, new ConstantFolder(external, new FoldingBudget(bytes.Length, external)), options?.Strict ?? false);
            finder.Walk(bound);
            RecurrentNodes = finder.Found;
            LookAlikes = survey.LookAlikes;
            _nodeCount = survey.NodeCount;
        }
        catch (OverflowException e)
        {
            throw new ModelFormatException(name, $"sizes overflow: {e.Message}", e);
        }

        Initializers = new InitializerSource(name, model.Graph, new ExternalData(folder, keep: false));
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
    public TensorSource Initializers { get; }

    /// <summary>Reads a file, and the external data that its recurrent nodes need.</summary>
    /// <param name="path">A regular file of at most 2 GiB.</param>
    /// <exception cref="ModelFormatException">The file is damaged or contradicts itself or the operators; the message names the node.</exception>
    /// <exception cref="NotSupportedException">A recurrent node is of an opset or a domain that is not supported.</exception>
    /// <exception cref="IOException">The file is missing, a folder, a pipe or a device, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not read it.</exception>
    /// <example><code>
    /// OnnxModel model = OnnxModel.Load(path);
    /// using var stack = new RecurrentStack(Backend.Simd, [.. model.RequireLayers().Select(l =&gt; l.ToStackLayer())]);
    /// </code></example>
    public static OnnxModel Load(string path) => Load(path, null, null);

    /// <summary>As <see cref="Load(string)"/>, with options.</summary>
    /// <param name="path">A regular file of at most 2 GiB.</param>
    /// <param name="options">How to read it; null for the default.</param>
    /// <exception cref="ModelFormatException">As <see cref="Load(string)"/>.</exception>
    /// <exception cref="NotSupportedException">As <see cref="Load(string)"/>.</exception>
    /// <exception cref="IOException">As <see cref="Load(string)"/>.</exception>
    public static OnnxModel Load(string path, OnnxReadOptions? options) => Load(path, options, null);

    /// <summary>Reads a stream from its position to its end; the model cannot have external data. The stream stays open.</summary>
    /// <param name="stream">Any readable stream of at most 2 GiB.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="options">How to read it; null for the default.</param>
    /// <exception cref="ModelFormatException">As <see cref="Load(string)"/>.</exception>
    /// <exception cref="NotSupportedException">As <see cref="Load(string)"/>.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static OnnxModel Load(Stream stream, string name, OnnxReadOptions? options) =>
        new(name, RegularFile.ReadToEnd(stream, name, Array.MaxLength), null, options);

    /// <summary>Reads a model from memory; it cannot have external data.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="options">How to read it.</param>
    /// <exception cref="ModelFormatException">As <see cref="Load(string)"/>.</exception>
    /// <exception cref="NotSupportedException">As <see cref="Load(string)"/>.</exception>
    public static OnnxModel Read(ReadOnlySpan<byte> bytes, string name = "model", OnnxReadOptions? options = null) => new(name, bytes, null, options);

    /// <summary>The layers of all recurrent nodes.</summary>
    /// <exception cref="NotSupportedException">There is none, or one cannot be taken; the message says what there is instead.</exception>
    public IReadOnlyList<OnnxLayer> RequireLayers()
    {
        if (RecurrentNodes.Count == 0)
        {
            string alike = LookAlikes.Count == 0 ? "" : $" Look-alikes: {string.Join("; ", LookAlikes.Take(5))}.";
            string none = string.Create(CultureInfo.InvariantCulture, $"no LSTM, GRU or RNN node among {_nodeCount} nodes.{alike}");
            throw new NotSupportedException($"{Name}: {none}");
        }

        return [.. RecurrentNodes.Select(node => node.RequireLayer())];
    }

    /// <summary>Reads a file with values for some of its inputs.</summary>
    internal static OnnxModel Load(string path, OnnxReadOptions? options, IReadOnlyDictionary<string, OnnxTensor>? bound)
    {
        string name = Path.GetFileName(path);
        byte[] bytes;
        using (SafeFileHandle file = RegularFile.Open(path))
        {
            long size = RandomAccess.GetLength(file);
            if (size > Array.MaxLength)
            {
                throw new ModelFormatException(name, string.Create(CultureInfo.InvariantCulture,
                    $"{size} bytes; a protobuf message has at most {int.MaxValue}. Larger models keep their weights as external data."));
            }

            bytes = RegularFile.ReadAll(file, name, size);
        }

        return new OnnxModel(name, bytes, Path.GetDirectoryName(Path.GetFullPath(path)), options, bound);
    }
}
