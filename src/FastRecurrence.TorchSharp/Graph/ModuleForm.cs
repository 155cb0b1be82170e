using System.Globalization;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>The arguments of a module's constructor, checked.</summary>
internal sealed record ModuleForm
{
    public ModuleForm(string name, long inputSize, long hiddenSize, long numLayers, bool bias, bool batchFirst, double dropout, bool bidirectional)
    {
        (Name, HasBias, IsBatchFirst, Dropout, DirectionCount) = (name, bias, batchFirst, dropout, bidirectional ? 2 : 1);
        InputSize = Size(inputSize, nameof(inputSize), least: 1);
        HiddenSize = Size(hiddenSize, nameof(hiddenSize), least: 1);
        LayerCount = Size(numLayers, nameof(numLayers), least: 1);
        if (dropout is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(dropout), dropout, "dropout is the share of outputs that is left out: from 0 to below 1.");
    }

    /// <summary>The module's, for messages.</summary>
    public string Name { get; }

    public int InputSize { get; }

    public int HiddenSize { get; }

    public int LayerCount { get; }

    public bool HasBias { get; }

    public bool IsBatchFirst { get; }

    public double Dropout { get; }

    /// <summary>D, 1 or 2.</summary>
    public int DirectionCount { get; }

    /// <summary>Layers times directions.</summary>
    public int StateCount => LayerCount * DirectionCount;

    /// <summary>What PyTorch puts behind the names of a layer's and direction's parameters.</summary>
    public string Suffix(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"_l{index / DirectionCount}{(index % DirectionCount == 1 ? "_reverse" : "")}");

    /// <summary>Refuses a size that is no number of features.</summary>
    public static int Size(long value, string name, int least) => value >= least && value <= int.MaxValue
        ? (int)value
        : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} must be {least} or more, and below 2^31."));
}
