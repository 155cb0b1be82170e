using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>The kernels' copy of a module's parameters, brought up to date before each run.</summary>
internal sealed class LoadedStack : IDisposable
{
    private readonly ModuleForm _form;
    private readonly LayerWeights[] _weights;
    private readonly float[][] _biases;

    /// <summary>Copies parameters; one <see cref="DirectionTensors"/> for each layer and direction.</summary>
    public LoadedStack(ModuleForm form, IReadOnlyList<LayerShape> shapes, IReadOnlyList<DirectionTensors> parameters, double dropout)
    {
        _form = form;
        _biases = [.. shapes.Select(shape => new float[2 * shape.GateCount * shape.HiddenSize])];
        _weights = [.. shapes.Select(shape => new LayerWeights(shape, new float[shape.InputWeightCount], new float[shape.RecurrentWeightCount],
            projection: new float[shape.ProjectionCount]))];
        for (int i = 0; i < _weights.Length; i++)
            Copy(i, parameters[i]);
        int D = form.DirectionCount;
        Stack = new TrainingStack(Backend.Simd, [.. Enumerable.Range(0, form.LayerCount).Select(k => D == 1
            ? StackLayer.Unidirectional(_weights[k])
            : StackLayer.Bidirectional(_weights[2 * k], _weights[2 * k + 1]))])
        {
            Dropout = dropout,
        };
    }

    public TrainingStack Stack { get; }

    /// <summary>How often a parameter had changed.</summary>
    public long Version { get; private set; }

    /// <summary>Takes parameters that have changed since the last call; runs whose backward pass is still to come then cannot be gone back.</summary>
    public void Refresh(IReadOnlyList<DirectionTensors> parameters)
    {
        for (int i = 0; i < _weights.Length; i++)
        {
            if (IsSame(i, parameters[i]))
                continue;
            Copy(i, parameters[i]);
            Stack.Layers[i].Load(_weights[i]);
            Version++;
        }
    }

    public void Dispose() => Stack.Dispose();

    /// <summary>Bit by bit; one that has changed mostly differs at its first number.</summary>
    private bool IsSame(int index, DirectionTensors p)
    {
        LayerWeights w = _weights[index];
        ReadOnlySpan<float> biases = _biases[index];
        int half = biases.Length / 2;
        return Same(w.InputWeights, p.InputWeights) && Same(w.RecurrentWeights, p.RecurrentWeights) && Same(biases[..half], p.InputBias)
            && Same(biases[half..], p.RecurrentBias) && Same(w.Projection, p.Projection);
    }

    private static bool Same(ReadOnlySpan<float> copy, Tensor? parameter) =>
        parameter is null || MemoryMarshal.AsBytes(copy).SequenceEqual(parameter.bytes);

    private void Copy(int index, DirectionTensors p)
    {
        LayerWeights w = _weights[index];
        p.InputWeights.Floats().CopyTo(w.Writable(WeightParts.InputWeights));
        p.RecurrentWeights.Floats().CopyTo(w.Writable(WeightParts.RecurrentWeights));
        p.Projection?.Floats().CopyTo(w.Writable(WeightParts.Projection));
        if (!_form.HasBias)
            return;
        Span<float> biases = _biases[index], input = biases[..(biases.Length / 2)], recurrent = biases[(biases.Length / 2)..];
        p.InputBias!.Floats().CopyTo(input);
        p.RecurrentBias!.Floats().CopyTo(recurrent);
        // Two biases that are only ever added are one; a GRU's of n are not, and keep a block each.
        Span<float> bias = w.Writable(WeightParts.Bias);
        int added = bias.Length > input.Length ? input.Length - w.Shape.HiddenSize : input.Length;
        input.CopyTo(bias);
        for (int j = 0; j < added; j++)
            bias[j] += recurrent[j];
        if (added < input.Length)
            recurrent[added..].CopyTo(bias[input.Length..]);
    }
}

/// <summary>The parameters of one layer and direction.</summary>
internal sealed record DirectionTensors(Tensor InputWeights, Tensor RecurrentWeights, Tensor? InputBias, Tensor? RecurrentBias, Tensor? Projection)
{
    /// <summary>In the order of PyTorch's names, those that there are.</summary>
    public IEnumerable<Tensor> All => ((Tensor?[])[InputWeights, RecurrentWeights, InputBias, RecurrentBias, Projection]).OfType<Tensor>();
}
