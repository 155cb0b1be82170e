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
        where TBlock : unmanaged, IThreadBlock<TBlock> =>
        GemmLoop.Run<TBlock, TiledStepEnds<TPointwise>>(a.Hidden, a.Weights, a.Rows, a.Columns4, a.Depth, new TiledStepEnds<TPointwise> { Step = a });
}

/// <summary>The same by <see cref="AsyncGemmLoop"/>, bit for bit.</summary>
internal static class AsyncTiledStepKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles; the depth is a multiple of 4.</summary>
    public static void Run<TPointwise>(StepArguments a)
        where TPointwise : struct, IPointwise =>
        AsyncGemmLoop.Run(a.Hidden, a.Weights, a.Rows, a.Columns4, a.Depth, new TiledStepEnds<TPointwise> { Step = a });
}

/// <summary>From the preactivations to the cell.</summary>
internal struct TiledStepEnds<TPointwise> : IChainEnds<TiledStepEnds<TPointwise>>
    where TPointwise : struct, IPointwise
{
    public StepArguments Step;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Begin(TiledStepEnds<TPointwise> self, int row, int column4)
    {
        int inside = IntrinsicMath.Min(row, self.Step.Rows - 1) * self.Step.Columns4;
        return self.Step.Preactivation[inside + IntrinsicMath.Min(column4, self.Step.Columns4 - 1)];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Carried(TiledStepEnds<TPointwise> self, int row, int column4)
    {
        float value = 0f;
        // Such a cell has one unit in a column.
        if (TPointwise.ReadsCarried)
            value = self.Step.Carried[IntrinsicMath.Min(row, self.Step.Rows - 1) * self.Step.HiddenSize + IntrinsicMath.Min(column4, self.Step.Columns4 - 1)];
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End(TiledStepEnds<TPointwise> self, int row, int column4, Float4 sum, float carried)
    {
        if (row < self.Step.Rows && column4 < self.Step.Columns4)
        {
            CellStep.InMemory<TPointwise>(self.Step, ref sum, carried, row, column4);
            if (self.Step.KeepsColumns != 0)
                self.Step.Preactivation[row * self.Step.Columns4 + column4] = sum;
        }
    }
}
