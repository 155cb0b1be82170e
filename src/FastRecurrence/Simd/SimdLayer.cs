using FastRecurrence.Lanes;
using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>A layer for the CPU: packed once; runs are walked by <see cref="SimdWalk{V, L}"/>, alone or with a team.</summary>
internal sealed unsafe class SimdLayer<V, L>(LayerWeights weights, Backend backend) : RecurrentLayer(weights.Shape, backend)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PackedWeights _weights = new(weights, L.Count);

    private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
    {
        var state = new SimdState(this, _weights, batchSize, team);
        state.Walk = new SimdWalk<V, L>(Shape, _weights, state);
        return state;
    }

    private protected override void RunCore(LayerState state, in PackedSequence sequence)
    {
        var s = (SimdState)state;
        fixed (float* x = sequence.Input, y = sequence.Output, gates = sequence.Gates, cells = sequence.Cells)
        fixed (int* rows = sequence.RowsPerStep)
            ((SimdWalk<V, L>)s.Walk!).Run(sequence.Steps, rows, x, y, gates, cells);
        GC.KeepAlive(this);
        GC.KeepAlive(state);
    }
}
