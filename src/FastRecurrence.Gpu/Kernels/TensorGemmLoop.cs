using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// <c>A·B</c> on tensor cores for many rows: a group of eight warps makes 64 or 128 rows × 64 columns, or 128 × 128, with the next two panels of k's on their way to
/// shared memory while one is multiplied (<see cref="AsyncCopy"/>). Every sum adds its k's in the same order wherever its row lies and whatever the tile:
/// single steps and whole sequences give the same bits. No sum sees two rows: a NaN stays in its row. The depth is a multiple of 4.
/// </summary>
internal static class TensorGemmLoop
{
    /// <summary>Threads of a warp, warps of a group.</summary>
    public const int Lanes = 32, Warps = 8;

    /// <summary>k's of a panel.</summary>
    public const int Depth = 16;

    private const int Stages = 3;

    /// <summary>The sums of a group's tile, handed to <c>End</c>. B is in the order of <see cref="TensorFragments"/>. There are barriers inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TTile, TLeft, TProduct, TEnds>(ArrayView<float> a, ArrayView<Float4> b, int rowCount, int columns4, int depth, TEnds ends)
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
        where TProduct : struct, ITensorProduct
        where TEnds : struct, IChainEnds<TEnds>
    {
        // A lies in shared memory as in global memory, [row][four k's]: 16 bytes of a lane are four k's of its row, and lanes fill all banks.
        // B: for every 8 columns the 32 lanes' four k's.
        int rows = TTile.Rows << TTile.RowShift, panelA = rows * (Depth / 4), panelB = (4 * Warps * Lanes) >> TTile.RowShift;
        ArrayView<Float4> tileA = SharedMemory.Allocate<Float4>(Stages * (TTile.Rows << TTile.RowShift) * (Depth / 4));
        ArrayView<Float4> tileB = SharedMemory.Allocate<Float4>(Stages * ((4 * Warps * Lanes) >> TTile.RowShift));
        int lane = Group.IdxX, warp = Group.IdxY, thread = warp * Lanes + lane;
        int rowBase = Grid.IdxX * rows, fragments = TensorFragments.Across(columns4) * Lanes;

        // What lies outside is clamped, not branched around; such sums are never stored. k's beyond the last are zero in both factors.
        TensorPanels panels = default;
        (panels.A, panels.B, panels.Depth4, panels.Fragments) = (a.Cast<Float4>(), b, depth >> 2, fragments);
        (panels.Thread, panels.K4, panels.Last) = (thread, thread & 3, (depth + Depth - 1 >> 4) - 1);
        panels.Row0 = IntrinsicMath.Min(rowBase + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Row64 = IntrinsicMath.Min(rowBase + 64 + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Fragment = IntrinsicMath.Min(Grid.IdxY * panelB + thread, fragments - 1);
        panels.Fragment256 = IntrinsicMath.Min(Grid.IdxY * panelB + thread + Warps * Lanes, fragments - 1);
        // B is there already; A may still be in the making by the launch before.
        StartB<TTile, TLeft>(panels, tileB, 0, 0);
        StartB<TTile, TLeft>(panels, tileB, panelB, 1);
        DependentLaunch.Wait();
        StartA<TTile, TLeft>(panels, tileA, 0, 0);
        AsyncCopy.EndBatch();
        StartA<TTile, TLeft>(panels, tileA, panelA, 1);
        AsyncCopy.EndBatch();

        int rowWarp = warp & ((1 << TTile.RowShift) - 1), columnWarp = warp >> TTile.RowShift;
        int atA = rowWarp * (TTile.Rows * 4) + lane, atB = columnWarp * (4 * Lanes) + lane;
        TTile sums = default;
        // Offsets that run around the ring by themselves: computed from the stage's number, they made ptxas spill.
        int readA = 0, readB = 0, writeA = 2 * panelA, writeB = 2 * panelB;
        for (int p = 0; p <= panels.Last; p++)
        {
            AsyncCopy.WaitForAllButOne();
            Group.Barrier();
            StartA<TTile, TLeft>(panels, tileA, writeA, p + 2);
            StartB<TTile, TLeft>(panels, tileB, writeB, p + 2);
            AsyncCopy.EndBatch();
            TLeft left = TTile.Load(tileA.SubView(readA + atA));
            sums = TTile.MultiplyAdd<TProduct>(sums, left, TensorColumns.Load(tileB.SubView(readB + atB)));
            readA += panelA;
            readB += panelB;
            if (readA == Stages * panelA)
                (readA, readB) = (0, 0);
            writeA += panelA;
            writeB += panelB;
            if (writeA == Stages * panelA)
                (writeA, writeB) = (0, 0);
        }

        int row = rowBase + rowWarp * TTile.Rows + (lane >> 2) + ((lane & 1) << 3);
        TTile.End(sums, ends, row, (Grid.IdxY * (Warps >> TTile.RowShift) + columnWarp) * 8 + ((lane >> 1) & 1), (lane & 1) != 0);
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

    /// <summary>A thread's copies of a panel of B: one or two fours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StartB<TTile, TLeft>(TensorPanels panels, ArrayView<Float4> tile, int at, int panel)
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
    {
        int from = IntrinsicMath.Min(panel, panels.Last) * panels.Fragments;
        AsyncCopy.Start(ref tile[at + panels.Thread], ref panels.B[from + panels.Fragment], 16);
        if (TTile.RowShift == 1)
            AsyncCopy.Start(ref tile[at + panels.Thread + Warps * Lanes], ref panels.B[from + panels.Fragment256], 16);
    }

    /// <summary>What a thread copies of every panel.</summary>
    private struct TensorPanels
    {
        public ArrayView<Float4> A, B;
        public int Depth4, Fragments, Thread, K4, Last, Row0, Row64, Fragment, Fragment256;
    }
}
