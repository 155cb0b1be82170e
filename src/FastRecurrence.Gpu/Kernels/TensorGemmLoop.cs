using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// <c>A·B</c> on tensor cores for many rows: a group of 4 × 2 warps makes 64 or 128 rows × 64 columns, with the next two panels of k's on their way to
/// shared memory while one is multiplied (<see cref="AsyncCopy"/>). Every sum adds its k's in the same order wherever its row lies and whatever the tile:
/// single steps and whole sequences give the same bits. No sum sees two rows: a NaN stays in its row. The depth is a multiple of 4.
/// </summary>
internal static class TensorGemmLoop
{
    /// <summary>Threads of a warp, warps of a group.</summary>
    public const int Lanes = 32, Warps = RowWarps * ColumnWarps;

    /// <summary>Warps below each other and side by side.</summary>
    public const int RowWarps = 4, ColumnWarps = 2;

    /// <summary>Float4 columns of a group's tile.</summary>
    public const int TileColumns4 = ColumnWarps * 8;

    /// <summary>k's of a panel.</summary>
    public const int Depth = 16;

    // A panel of B in fours: for every 8 columns the 32 lanes' four k's.
    private const int Stages = 3, PanelB = ColumnWarps * 4 * Lanes;

    /// <summary>The sums of a group's tile, handed to <c>End</c>. B is in the order of <see cref="TensorFragments"/>. There are barriers inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TTile, TLeft, TProduct, TEnds>(ArrayView<float> a, ArrayView<Float4> b, int rowCount, int columns4, int depth, TEnds ends)
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
        where TProduct : struct, ITensorProduct
        where TEnds : struct, IChainEnds<TEnds>
    {
        // A lies in shared memory as in global memory, [row][four k's]: 16 bytes of a lane are four k's of its row, and lanes fill all banks.
        int panelA = RowWarps * TTile.Rows * (Depth / 4);
        ArrayView<Float4> tileA = SharedMemory.Allocate<Float4>(Stages * RowWarps * TTile.Rows * (Depth / 4));
        ArrayView<Float4> tileB = SharedMemory.Allocate<Float4>(Stages * PanelB);
        int lane = Group.IdxX, warp = Group.IdxY, thread = warp * Lanes + lane;
        int rowBase = Grid.IdxX * (RowWarps * TTile.Rows), fragments = TensorFragments.Across(columns4) * Lanes;

        // What lies outside is clamped, not branched around; such sums are never stored. k's beyond the last are zero in both factors.
        TensorPanels panels = default;
        (panels.A, panels.B, panels.Depth4, panels.Fragments) = (a.Cast<Float4>(), b, depth >> 2, fragments);
        (panels.Thread, panels.K4, panels.Last) = (thread, thread & 3, (depth + Depth - 1 >> 4) - 1);
        panels.Row0 = IntrinsicMath.Min(rowBase + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Row64 = IntrinsicMath.Min(rowBase + 64 + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Fragment = IntrinsicMath.Min(Grid.IdxY * PanelB + thread, fragments - 1);
        // B is there already; A may still be in the making by the launch before.
        StartB(panels, tileB, 0, 0);
        StartB(panels, tileB, PanelB, 1);
        StartB(panels, tileB, 2 * PanelB, 2);
        DependentLaunch.Wait();
        StartA<TTile, TLeft>(panels, tileA, 0, 0);
        AsyncCopy.EndBatch();
        StartA<TTile, TLeft>(panels, tileA, panelA, 1);
        AsyncCopy.EndBatch();
        StartA<TTile, TLeft>(panels, tileA, 2 * panelA, 2);
        AsyncCopy.EndBatch();

        int rowWarp = warp & (RowWarps - 1), columnWarp = warp >> 2;
        int atA = rowWarp * (TTile.Rows * 4) + lane, atB = columnWarp * (4 * Lanes) + lane;
        AsyncCopy.WaitForAllButTwo();
        Group.Barrier();
        TLeft left = TTile.Load(tileA.SubView(atA));
        TensorColumns right = TensorColumns.Load(tileB.SubView(atB));
        TTile sums = default;
        // Offsets that run around the ring by themselves: computed from the stage's number, they made ptxas spill. Every warp has the panel that it
        // multiplies in registers, so that its memory is free for the third panel from there, and the next panel's way to registers and its rounding lie
        // between the products of this one.
        int readA = panelA, readB = PanelB, writeA = 0, writeB = 0;
        for (int p = 0; p <= panels.Last; p++)
        {
            AsyncCopy.WaitForAllButOne();
            Group.Barrier();
            StartA<TTile, TLeft>(panels, tileA, writeA, p + 3);
            StartB(panels, tileB, writeB, p + 3);
            AsyncCopy.EndBatch();
            TLeft nextLeft = TTile.Load(tileA.SubView(readA + atA));
            TensorColumns nextRight = TensorColumns.Load(tileB.SubView(readB + atB));
            sums = TTile.MultiplyAdd<TProduct>(sums, left, right);
            (left, right) = (nextLeft, nextRight);
            readA += panelA;
            readB += PanelB;
            if (readA == Stages * panelA)
                (readA, readB) = (0, 0);
            writeA += panelA;
            writeB += PanelB;
            if (writeA == Stages * panelA)
                (writeA, writeB) = (0, 0);
        }

        int row = rowBase + rowWarp * TTile.Rows + (lane >> 2) + ((lane & 1) << 3);
        TTile.End(sums, ends, row, Grid.IdxY * TileColumns4 + columnWarp * 8 + ((lane >> 1) & 1), (lane & 1) != 0);
    }

    /// <summary>A thread's copies of a panel of A: one or two fours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StartA<TTile, TLeft>(TensorPanels panels, ArrayView<Float4> tile, int at, int panel)
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
    {
        int k4 = panel * (Depth / 4) + panels.K4, k = IntrinsicMath.Min(k4, panels.Depth4 - 1), bytes = k4 < panels.Depth4 ? 16 : 0;
        AsyncCopy.Start(ref tile[at + panels.Thread], ref panels.A[panels.Row0 + k], bytes);
        if (TTile.Rows > 16)
            AsyncCopy.Start(ref tile[at + panels.Thread + Warps * Lanes], ref panels.A[panels.Row64 + k], bytes);
    }

    /// <summary>A thread's copy of a panel of B: one four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StartB(TensorPanels panels, ArrayView<Float4> tile, int at, int panel) => AsyncCopy.Start(
        ref tile[at + panels.Thread], ref panels.B[IntrinsicMath.Min(panel, panels.Last) * panels.Fragments + panels.Fragment], 16);

    /// <summary>What a thread copies of every panel.</summary>
    private struct TensorPanels
    {
        public ArrayView<Float4> A, B;
        public int Depth4, Fragments, Thread, K4, Last, Row0, Row64, Fragment;
    }
}
