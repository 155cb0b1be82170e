using System.Numerics;
using System.Runtime.CompilerServices;
using FastRecurrence.Layout;

namespace FastRecurrence;

/// <summary>
/// Changes the weights of layers by their gradients: <see cref="Sgd"/> or <see cref="Adam"/>. One object serves all layers that are trained together and keeps
/// what it must remember of each, as long as that layer lives. A weight has the same bits on every machine. Not thread-safe.
/// </summary>
public abstract class Optimizer
{
    private readonly ConditionalWeakTable<TrainingLayer, Memory> _memories = [];

    private protected Optimizer(double learningRate) => LearningRate = learningRate;

    /// <summary>How far a step goes; may change from step to step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public double LearningRate
    {
        get;
        set => field = Require(value, nameof(LearningRate), upTo: double.MaxValue);
    }

    /// <summary>
    /// One step of one layer, which computes with the new weights from then on. The gradients stay: <see cref="LayerGradients.Clear"/> them before the
    /// next batch. Parts that no backward pass has written since they were cleared, such as frozen ones, are left alone, as parameters without a gradient in
    /// PyTorch. Allocates nothing after the first step of a layer.
    /// </summary>
    /// <param name="layer">The layer; no other call may use it or its <see cref="TrainingLayer.Layer"/> meanwhile.</param>
    /// <param name="gradients">Gradients of its shape.</param>
    /// <exception cref="ArgumentException">The gradients are of another shape. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public void Step(TrainingLayer layer, LayerGradients gradients)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(gradients);
        layer.RequireAlive();
        if (gradients.Shape != layer.Shape)
            throw new ArgumentException($"The gradients are of {gradients.Shape}, the layer is {layer.Shape}.", nameof(gradients));
        if (!_memories.TryGetValue(layer, out Memory? memory))
            _memories.Add(layer, memory = new Memory(layer.Shape, Moments));
        bool changed = false;
        for (int i = 0; i < LayerGradients.Parts.Length; i++)
        {
            WeightParts part = LayerGradients.Parts[i];
            if (gradients.IsClear(part))
                continue;
            memory.Steps[i]++;
            changed = true;
            for (int run = 0; run < gradients.Sums.RunCount(part); run++)
            {
                Span<Vector<float>> Moment(int index) => index < Moments ? ParameterMath.Vectors(memory.Moments[index].Run(part, run)) : default;
                Update(new ParameterRun
                {
                    Weights = ParameterMath.Vectors(layer.Parameters.Run(part, run)),
                    Gradients = ParameterMath.Vectors(gradients.Sums.Run(part, run)),
                    First = Moment(0),
                    Second = Moment(1),
                    Step = memory.Steps[i],
                });
            }
        }

        if (changed)
            layer.Updated();
    }

    /// <summary>One step of every layer of a stack.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="gradients">As <see cref="TrainingStack.CreateGradients"/> makes them; null in place of those of a frozen layer.</param>
    /// <exception cref="ArgumentException">The gradients are not of this stack. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The stack was disposed.</exception>
    public void Step(TrainingStack stack, ReadOnlySpan<LayerGradients?> gradients)
    {
        ArgumentNullException.ThrowIfNull(stack);
        Extents.Require(nameof(gradients), gradients.Length, "layers and directions", stack.Layers.Count);
        for (int i = 0; i < gradients.Length; i++)
        {
            stack.Layers[i].RequireAlive();
            if (gradients[i] is { } own && own.Shape != stack.Layers[i].Shape)
                throw new ArgumentException($"gradients[{i}] are of {own.Shape}, the layer is {stack.Layers[i].Shape}.", nameof(gradients));
        }

        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is { } own)
                Step(stack.Layers[i], own);
        }
    }

    /// <summary>Forgets what it remembers of a layer, such as after <see cref="TrainingLayer.Load"/> of weights from before a NaN.</summary>
    public void Reset(TrainingLayer layer) => _memories.Remove(layer);

    /// <summary>Numbers that are remembered for each weight, at most 2.</summary>
    private protected abstract int Moments { get; }

    /// <summary>One pass over neighbouring weights.</summary>
    private protected abstract void Update(in ParameterRun run);

    private protected static double Require(double value, string name, double upTo) => value >= 0 && value <= upTo
        ? value
        : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} must lie between 0 and {upTo}."));

    private sealed class Memory(LayerShape shape, int moments)
    {
        public ParameterBuffer[] Moments { get; } = [.. Enumerable.Range(0, moments).Select(_ => new ParameterBuffer("moments of an optimizer", shape))];

        /// <summary>Steps of each part.</summary>
        public int[] Steps { get; } = new int[LayerGradients.Parts.Length];
    }
}

/// <summary>Neighbouring weights and what belongs to them.</summary>
internal readonly ref struct ParameterRun
{
    public required Span<Vector<float>> Weights { get; init; }

    public required ReadOnlySpan<Vector<float>> Gradients { get; init; }

    public Span<Vector<float>> First { get; init; }

    public Span<Vector<float>> Second { get; init; }

    /// <summary>Steps of these weights, this one included.</summary>
    public required int Step { get; init; }
}
