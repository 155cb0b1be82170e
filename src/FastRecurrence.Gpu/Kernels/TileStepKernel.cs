using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch: <c>preactivation + h·R</c>, then the cell, for a tile of rows and quads. h of the step
/// before is read, the new h goes to other memory (groups still read the old one); c is updated in place.
/// </summary>
internal static class TileStepKernel
{
    /// <summary>The kernel. Grid: row tiles × quad tiles.</summary>
    public static void Run<TCell, TBlock>(ArrayView<float> hidden, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int batchSize, int hiddenSize, int quads, int activation, int wantGates)
        where TCell : struct, ICellEpilogue
        where TBlock : unmanaged, IBlock<TBlock>
    {
        Ends<TCell> ends = default;
        (ends.Preactivation, ends.Cell, ends.Output, ends.Gates) = (preactivation, cell, output, gates);
        (ends.BatchSize, ends.HiddenSize, ends.Quads, ends.Activation, ends.WantGates) = (batchSize, hiddenSize, quads, activation, wantGates);
        GemmTile.Run<TBlock, Ends<TCell>>(hidden, weights, batchSize, quads, hiddenSize, ends);
    }

    private struct Ends<TCell> : IChainEnds<Ends<TCell>>
        where TCell : struct, ICellEpilogue
    {
        public ArrayView<Quad> Preactivation;
        public ArrayView<float> Cell, Output, Gates;
        public int BatchSize, HiddenSize, Quads, Activation, WantGates;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Quad Begin(Ends<TCell> self, int row, int quad) =>
            row < self.BatchSize && quad < self.Quads ? self.Preactivation[row * self.Quads + quad] : Quad.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void End(Ends<TCell> self, int row, int quad, Quad sum)
        {
            if (row < self.BatchSize && quad < self.Quads)
                CellStep.InMemory<TCell>(sum, self.Cell, self.Output, self.Gates, row, quad, self.HiddenSize, self.Activation, self.WantGates);
        }
    }
}
