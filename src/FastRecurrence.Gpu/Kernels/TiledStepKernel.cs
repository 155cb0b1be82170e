using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch: <c>preactivation + h·R</c>, then the cell, for a tile of rows and float4 columns. The new h goes to other memory than the
/// old one, which other groups still read; c is updated in place.
/// </summary>
internal static class TiledStepKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles.</summary>
    public static void Run<TPointwise, TBlock>(StepArguments a)
        where TPointwise : struct, IPointwise
        where TBlock : unmanaged, IThreadBlock<TBlock>
    {
        Ends<TPointwise> ends = default;
        ends.Step = a;
        GemmLoop.Run<TBlock, Ends<TPointwise>>(a.Hidden, a.Weights, a.Rows, a.Columns4, a.Depth, ends);
    }

    private struct Ends<TPointwise> : IChainEnds<Ends<TPointwise>>
        where TPointwise : struct, IPointwise
    {
        public StepArguments Step;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float4 Begin(Ends<TPointwise> self, int row, int column4) =>
            row < self.Step.Rows && column4 < self.Step.Columns4 ? self.Step.Preactivation[row * self.Step.Columns4 + column4] : Float4.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void End(Ends<TPointwise> self, int row, int column4, Float4 sum)
        {
            if (row < self.Step.Rows && column4 < self.Step.Columns4)
            {
                CellStep.InMemory<TPointwise>(self.Step, ref sum, row, column4);
                if (TPointwise.MayKeepColumns && self.Step.KeepsColumns != 0)
                    self.Step.Preactivation[row * self.Step.Columns4 + column4] = sum;
            }
        }
    }
}
