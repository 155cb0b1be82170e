using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch: <c>preactivation + h·R</c>, then the cell, for a tile of rows and quads. h of the step
/// before, of <c>depth</c> floats a row, is read; the new h goes to other memory (groups still read the old one); c is updated in place.
/// </summary>
internal static class TileStepKernel
{
    /// <summary>The kernel. Grid: row tiles × quad tiles.</summary>
    public static void Run<TCell, TBlock>(ArrayView<float> hidden, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> output, ArrayView<float> gates, int batchSize, int depth, int hiddenSize, int quads, CellParameters cell, int wantGates)
        where TCell : struct, ICellEpilogue
        where TBlock : unmanaged, IBlock<TBlock>
    {
        Ends<TCell> ends = default;
        (ends.Preactivation, ends.Own, ends.Output, ends.Gates) = (preactivation, own, output, gates);
        (ends.BatchSize, ends.HiddenSize, ends.Quads, ends.Cell, ends.WantGates) = (batchSize, hiddenSize, quads, cell, wantGates);
        GemmTile.Run<TBlock, Ends<TCell>>(hidden, weights, batchSize, quads, depth, ends);
    }

    private struct Ends<TCell> : IChainEnds<Ends<TCell>>
        where TCell : struct, ICellEpilogue
    {
        public ArrayView<Quad> Preactivation;
        public ArrayView<float> Own, Output, Gates;
        public int BatchSize, HiddenSize, Quads, WantGates;
        public CellParameters Cell;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Quad Begin(Ends<TCell> self, int row, int quad) =>
            row < self.BatchSize && quad < self.Quads ? self.Preactivation[row * self.Quads + quad] : Quad.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void End(Ends<TCell> self, int row, int quad, Quad sum)
        {
            if (row < self.BatchSize && quad < self.Quads)
            {
                CellStep.InMemory<TCell>(ref sum, self.Own, self.Output, self.Gates, row, quad, self.HiddenSize, self.Cell, self.WantGates);
                if (TCell.KeepsQuad)
                    self.Preactivation[row * self.Quads + quad] = sum;
            }
        }
    }
}
