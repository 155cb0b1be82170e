using System.Globalization;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;
using FastRecurrence.Streams;

namespace FastRecurrence.Cpu;

/// <summary>A layer for the CPU: packed once; runs go through <see cref="SequenceDriver{V, L}"/>, alone or with a team.</summary>
internal sealed class CpuLayer<V, L> : RecurrentLayer
    where V : struct
    where L : IMemoryLanes<V>
{
    private PackedWeights? _weights; // null once disposed; a state keeps them until it is disposed too

    public CpuLayer(LayerWeights weights, Backend backend, WeightFormat format, double formatError)
        : base(weights.Shape, backend)
    {
        Format = format;
        _weights = new PackedWeights(weights, L.Count, format);
        FormatError = formatError;
    }

    /// <summary>The same layer with its error measured.</summary>
    public CpuLayer(CpuLayer<V, L> probe, double formatError)
        : base(probe.Shape, probe.Backend)
    {
        Format = probe.Format;
        _weights = probe._weights;
        FormatError = formatError;
    }

    public override WeightFormat Format { get; }

    public override double FormatError { get; }

    private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
    {
        if (Format != WeightFormat.Float32 && batchSize > 1)
            throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture,
                $"{Format} weights would not be faster for a batch of {batchSize}: every row would decode them anew. "
                + $"They serve a batch of 1; prepare the layer with Float32 for more."));
        PackedWeights weights = _weights ?? throw new ObjectDisposedException(nameof(RecurrentLayer));
        var state = new CpuState(this, weights, batchSize, team);
        state.Workspace.Driver = new SequenceDriver<V, L>(Shape, weights, state.Workspace);
        return state;
    }

    private protected override void LoadCore(LayerWeights weights)
    {
        if (Format != WeightFormat.Float32)
            throw new NotSupportedException(
                $"{this} cannot load other weights: what {Format} costs in accuracy is measured when a layer is prepared. Prepare another layer.");
        (_weights ?? throw new ObjectDisposedException(nameof(RecurrentLayer))).Load(weights);
    }

    /// <summary>Takes weights in the order of gradients.</summary>
    public void Load(ParameterBuffer parameters) => (_weights ?? throw new ObjectDisposedException(nameof(RecurrentLayer))).Load(parameters);

    private protected override void DisposeCore() => _weights = null;

    internal override bool TakesOneHotInput => true;

    internal override LayerRows CreateRows(WorkerTeam? team)
    {
        PackedWeights weights = _weights ?? throw new ObjectDisposedException(nameof(RecurrentLayer));
        var workspace = new CpuWorkspace(Shape, weights, 1, team);
        var driver = new SequenceDriver<V, L>(Shape, weights, workspace);
        workspace.Driver = driver;
        return new CpuRows(Shape, weights, workspace, driver);
    }

    private protected override void RunCore(LayerState state, in SortedSequence sequence)
    {
        ((SequenceDriver<V, L>)((CpuState)state).Workspace.Driver!).Run(sequence);
        GC.KeepAlive(this);
        GC.KeepAlive(state);
    }
}
