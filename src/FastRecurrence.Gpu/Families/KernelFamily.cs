using System.Collections.Frozen;
using System.Globalization;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// One way to run the recurrent product and the cell on a device: what it can run, in which variants, what a step should cost, and its launches. The
/// device code lies beside it, in <c>Kernels/</c>.
/// </summary>
internal abstract class KernelFamily
{
    /// <summary>All of them, in the order in which equals are preferred.</summary>
    public static IReadOnlyList<KernelFamily> All { get; } =
    [
        TiledStep.Family, SplitKStep.Family, BlockPersistent.Family, GridPersistent.Family, TensorTiledStep.Family, TensorSplitKStep.Family,
    ];

    /// <summary>The field's word for it, as it stands in reports and in <see cref="ForcedKernel.Variable"/>.</summary>
    public abstract string Name { get; }

    /// <summary>A short word that <see cref="ForcedKernel.Variable"/> takes, too.</summary>
    public abstract string ShortName { get; }

    /// <summary>Why it cannot run the problem; null when it can.</summary>
    public abstract string? Refuse(KernelProblem problem);

    /// <summary>The variants that would run the problem, with their costs; none where its groups would not all be resident.</summary>
    public abstract IEnumerable<KernelVariant> Variants(KernelProblem problem);

    /// <summary>The variant's kernels for one state, loaded. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public abstract FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize);

    /// <summary>Every instance that a CUDA device may be given, by a name that says what it is.</summary>
    public abstract IEnumerable<(string Name, KernelInstance Kernel)> Instances { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Tiles that cover so many rows or columns.</summary>
    public static int Tiles(int count, int size) => (count - 1) / size + 1;
}

/// <summary>One variant of a family for one problem.</summary>
/// <param name="Family">Whose.</param>
/// <param name="Format">How R is stored.</param>
/// <param name="Rows">Rows of a group's tile.</param>
/// <param name="Chunks">Chunks of R that a thread holds in registers; 0 streams R, or holds nothing from step to step.</param>
/// <param name="Groups">Groups of a launch.</param>
/// <param name="Microseconds">What a step of a long sequence should cost, by the family's model.</param>
internal sealed record KernelVariant(KernelFamily Family, WeightFormat Format, int Rows, int Chunks, int Groups, double Microseconds)
{
    /// <summary>Whether it runs whole sequences in a launch.</summary>
    public bool IsPersistent => Family is BlockPersistent or GridPersistent;

    /// <inheritdoc/>
    public override string ToString()
    {
        string weights = !IsPersistent ? "" : Chunks > 0 ? $", R in registers ({Chunks} chunks)" : ", R streamed";
        string format = Format == WeightFormat.Float32 ? "" : $", {Format}";
        return string.Create(CultureInfo.InvariantCulture, $"{Family.Name}, {Rows} rows a tile{weights}{format}, {Groups} groups");
    }
}

/// <summary>The loaded kernels of one state, with the memory that they need beside the state's.</summary>
internal abstract class FamilyRun : IDisposable
{
    /// <summary>
    /// Has the weights in the order in which the kernels take them, when a state is made and not in its first run. Call it inside
    /// <see cref="GpuDevice.Enter"/>.
    /// </summary>
    /// <exception cref="DeviceException">The device has too little memory for them.</exception>
    public virtual void Prepare(DeviceWeights weights)
    {
    }

    /// <summary>From b + x·W and the state to h and the next state, all on the device. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public abstract void Run(in StepChunk chunk);

    /// <summary>Whether a run over so many steps wants its output filled with <see cref="Words.Unwritten"/> before.</summary>
    public virtual bool WantsUnwritten(int steps) => false;

    /// <summary>Whether a run is launches and copies on the device alone, the same for the same chunk: then it may be recorded as a graph.</summary>
    public virtual bool MayBeRecorded => true;

    /// <summary>The driver's functions of its steps that wait for the step before by themselves (<see cref="DependentLaunch"/>).</summary>
    public virtual IReadOnlySet<IntPtr> WaitingSteps => FrozenSet<IntPtr>.Empty;

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }

    /// <summary>Leaves the last step's h in the state.</summary>
    protected static void KeepHidden(in StepChunk chunk)
    {
        int step = chunk.Rows * chunk.Shape.OutputSize;
        ArrayView<float> hidden = chunk.State.Hidden.SubView(0, step);
        chunk.Output.SubView((chunk.Steps - 1) * step, step).CopyTo(chunk.Queue, hidden);
    }
}
