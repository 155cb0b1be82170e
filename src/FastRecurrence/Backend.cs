using FastRecurrence.Cpu;
using FastRecurrence.Reference;

namespace FastRecurrence;

/// <summary>
/// A way to run layers. The core's own are in <see cref="All"/>; GPU backends come from the package FastRecurrence.Gpu.
/// A backend that cannot run here says why and never falls back to another.
/// </summary>
public abstract class Backend
{
    /// <summary>Only this library's packages derive backends.</summary>
    private protected Backend(string name, string description, string? unavailableReason)
    {
        Name = name;
        Description = description;
        UnavailableReason = unavailableReason;
    }

    /// <summary>The name used everywhere: options, tables, JSON. Such as <c>reference</c>, <c>simd-256</c>, <c>opencl:0</c>.</summary>
    public string Name { get; }

    /// <summary>A line for people: what it is, on which hardware.</summary>
    public string Description { get; }

    /// <summary>Whether <see cref="Prepare"/> works here.</summary>
    public bool IsAvailable => UnavailableReason is null;

    /// <summary>Why it does not; null when available.</summary>
    public string? UnavailableReason { get; }

    /// <summary>Packs or uploads weights into an immutable layer.</summary>
    /// <param name="weights">The layer's numbers; a snapshot is taken.</param>
    /// <param name="format">
    /// How W and R are stored. A narrow format is refused where it would not be faster: on the reference, for weights that
    /// the first cache level holds, on devices that are a CPU, and by <see cref="RecurrentLayer.CreateState"/> for a batch
    /// that gains nothing (on the CPU above one).
    /// </param>
    /// <exception cref="ArgumentException">Int8 is refused for weights that hold a NaN or an infinity; the message names the first.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such format.</exception>
    /// <exception cref="BackendUnavailableException">This backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">The backend cannot run the layer, or the format would gain nothing; the message says which.</exception>
    /// <example><code>
    /// LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(inputSize: 3, hiddenSize: 5), seed: 1);
    /// using RecurrentLayer layer = Backend.Simd.Prepare(weights); // packed once; threads may share it
    /// </code></example>
    public RecurrentLayer Prepare(LayerWeights weights, WeightFormat format = WeightFormat.Float32)
    {
        ArgumentNullException.ThrowIfNull(weights);
        Defined.Require(format);
        if (UnavailableReason is not null)
            throw new BackendUnavailableException(Name, UnavailableReason);
        if (weights.Shape.Definition == Cells.Dense.Definition && !HasDenseLayers)
            throw new NotSupportedException($"{Name} has no dense layers: h comes back to the host in any case, so prepare {weights.Shape} on Backend.Simd.");
        return format == WeightFormat.Float32 ? PrepareCore(weights) : PrepareNarrow(weights, format);
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>The backend's own way to run a stack's layers; null for one layer after the other.</summary>
    /// <param name="layers">The stack's layers.</param>
    /// <param name="states">Their states: of each layer its forward direction's, then its reverse one's, where there are such.</param>
    internal virtual StackDriver? CreateStackDriver(IReadOnlyList<StackLayer> layers, IReadOnlyList<LayerState> states) => null;

    /// <summary>Whether a layer without recurrence can run.</summary>
    private protected virtual bool HasDenseLayers => false;

    private protected abstract RecurrentLayer PrepareCore(LayerWeights weights);

    private protected virtual RecurrentLayer PrepareNarrow(LayerWeights weights, WeightFormat format) =>
        throw new NotSupportedException($"{Name} stores weights as {WeightFormat.Float32} only; {format} is an option of the SIMD backends and of GPUs.");

    /// <summary>For <see cref="OutputLayer"/>, which has checked the lengths.</summary>
    internal OutputKernel PrepareOutput(int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ActivationFunction activation)
    {
        if (UnavailableReason is not null)
            throw new BackendUnavailableException(Name, UnavailableReason);
        return PrepareOutputCore(outputSize, weights, bias, activation);
    }

    private protected virtual OutputKernel PrepareOutputCore(int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias,
        ActivationFunction activation) =>
        throw new NotSupportedException($"{Name} has no output layer: h comes back to the host in any case, so prepare the OutputLayer on Backend.Simd.");

    /// <summary>Prepares a layer whose weights are to be trained: runs that keep a tape, and backward passes over it.</summary>
    /// <param name="weights">The numbers to start from; a snapshot is taken.</param>
    /// <exception cref="BackendUnavailableException">This backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">
    /// The backend has no backward pass, or none for the layer: on the CPU an activation must tell its slope from its value, which LeakyRelu and Elu with
    /// α &lt; 0 do not.
    /// </exception>
    public TrainingLayer PrepareForTraining(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (UnavailableReason is not null)
            throw new BackendUnavailableException(Name, UnavailableReason);
        return PrepareForTrainingCore(weights);
    }

    private protected virtual TrainingLayer PrepareForTrainingCore(LayerWeights weights) =>
        throw new NotSupportedException($"{Name} has no backward pass; the SIMD backends and the reference have one.");

    /// <summary>The reference: plain loops in double, rounded to float where results leave it. Slow; all others are held to it.</summary>
    public static Backend Reference { get; } = new ReferenceBackend();

    /// <summary>
    /// The fastest CPU backend of this machine: the SIMD kernels at the width that ISA dispatch chose; forced by the environment variable
    /// <c>FASTRECURRENCE_SIMD</c>.
    /// </summary>
    public static Backend Simd { get; } = IsaDispatch.Choose();

    /// <summary>
    /// Every backend of the core, the reference first: <c>reference</c>, <c>scalar</c>, <c>simd-128</c>, <c>simd-256</c>, <c>simd-512</c>,
    /// <c>simd-vector</c>.
    /// </summary>
    public static IReadOnlyList<Backend> All { get; } = [Reference, .. IsaDispatch.Widths];
}
