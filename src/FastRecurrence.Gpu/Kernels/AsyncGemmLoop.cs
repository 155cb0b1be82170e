using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The loop of <see cref="GemmLoop"/> for many rows, with the next two panels of k's on their way to shared memory while one is multiplied
/// (<see cref="AsyncCopy"/>): a group of 16×8 threads adds <c>A·B</c> to a tile of 64 rows × 32 float4 columns, a thread to eight rows of two columns.
/// The same chains as there: each sum in one accumulator, in ascending k, so that a row has the same bits in either. Depth is a multiple of 4.
/// </summary>
internal static class AsyncGemmLoop
{
    /// <summary>Threads along the rows and along the columns.</summary>
    public const int RowThreads = 8, ColumnThreads = 16;

    /// <summary>Threads of a group.</summary>
    public const int Threads = RowThreads * ColumnThreads;

    /// <summary>The tile of a group.</summary>
    public const int TileRows = 8 * RowThreads, TileColumns4 = 2 * ColumnThreads;

    /// <summary>k's of a panel.</summary>
    public const int Depth = 16;

    // Panels of A and B in shared memory, in fours. A lies there as in global memory: a row's k's in fours, so that 16 bytes are four k's of one row.
    private const int Stages = 3, PanelA = TileRows * Depth / 4, PanelB = Depth * TileColumns4;

    /// <summary>Shared memory of a group, in bytes.</summary>
    public const int SharedBytes = Stages * (PanelA + PanelB) * 4 * sizeof(float);

    /// <summary>The thread's sums of <c>Begin + A·B</c>, handed to <c>End</c>. Every thread of the group must come here: there are barriers inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TEnds>(ArrayView<float> a, ArrayView<Float4> b, int rowCount, int columns4, int depth, TEnds ends)
        where TEnds : struct, IChainEnds<TEnds>
    {
        ArrayView<Float4> tileA = SharedMemory.Allocate<Float4>(Stages * PanelA);
        ArrayView<Float4> tileB = SharedMemory.Allocate<Float4>(Stages * PanelB);
        int x = Group.IdxX, y = Group.IdxY, thread = y * ColumnThreads + x;
        int rowBase = Grid.IdxX * TileRows, columnBase = Grid.IdxY * TileColumns4;

        // What lies outside is clamped, not branched around: all loads of a thread are under way together, and such sums are never stored. k's beyond
        // the last are zero in A alone.
        Panels panels = default;
        (panels.A, panels.B, panels.Columns4, panels.Depth4, panels.LastK) = (a.Cast<Float4>(), b, columns4, depth >> 2, depth - 1);
        (panels.Thread, panels.K4, panels.K) = (thread, thread & 3, thread >> 5);
        panels.Row0 = IntrinsicMath.Min(rowBase + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Row1 = IntrinsicMath.Min(rowBase + TileRows / 2 + (thread >> 2), rowCount - 1) * panels.Depth4;
        panels.Column4 = IntrinsicMath.Min(columnBase + (thread & 31), columns4 - 1);
        Panels.Start(panels, tileA, tileB, 0, 0, 0);
        AsyncCopy.EndBatch();
        Panels.Start(panels, tileA, tileB, PanelA, PanelB, 1);
        AsyncCopy.EndBatch();

        EightRows left = EightRows.Begin(ends, rowBase + y, columnBase + x), right = EightRows.Begin(ends, rowBase + y, columnBase + x + ColumnThreads);
        int count = (depth + Depth - 1) >> 4;
        // Offsets that run around the ring by themselves: computed from the stage's number, they made ptxas spill.
        int readA = 0, readB = 0, writeA = 2 * PanelA, writeB = 2 * PanelB;
        for (int p = 0; p < count; p++)
        {
            AsyncCopy.WaitForAllButOne();
            Group.Barrier();
            Panels.Start(panels, tileA, tileB, writeA, writeB, p + 2);
            AsyncCopy.EndBatch();

            // Views from here on, so that what follows has constant offsets; all 16 k's written out, since ptxas would not unroll them.
            ArrayView<Float4> rows = tileA.SubView(readA + y * 4, 7 * RowThreads * 4 + 4);
            ArrayView<Float4> columns = tileB.SubView(readB + x, 15 * TileColumns4 + ColumnThreads + 1);
            FourK(ref left, ref right, rows, columns, 0);
            FourK(ref left, ref right, rows, columns, 1);
            FourK(ref left, ref right, rows, columns, 2);
            FourK(ref left, ref right, rows, columns, 3);
            readA += PanelA;
            readB += PanelB;
            if (readA == Stages * PanelA)
                (readA, readB) = (0, 0);
            writeA += PanelA;
            writeB += PanelB;
            if (writeA == Stages * PanelA)
                (writeA, writeB) = (0, 0);
        }

        EightRows.End(left, ends, rowBase + y, columnBase + x);
        EightRows.End(right, ends, rowBase + y, columnBase + x + ColumnThreads);
    }

    /// <summary>Four k's: B of all of them is held, the rows of A come one by one. The other way round ptxas fetches everything ahead, and spills.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourK(ref EightRows left, ref EightRows right, ArrayView<Float4> rows, ArrayView<Float4> columns, int k4)
    {
        const int row = RowThreads * 4;
        WeightChunk l = Chunk(columns, k4 * 4 * TileColumns4), r = Chunk(columns, k4 * 4 * TileColumns4 + ColumnThreads);
        Row(ref left.R0, ref right.R0, rows[k4], l, r);
        Row(ref left.R1, ref right.R1, rows[k4 + row], l, r);
        Row(ref left.R2, ref right.R2, rows[k4 + 2 * row], l, r);
        Row(ref left.R3, ref right.R3, rows[k4 + 3 * row], l, r);
        Row(ref left.R4, ref right.R4, rows[k4 + 4 * row], l, r);
        Row(ref left.R5, ref right.R5, rows[k4 + 5 * row], l, r);
        Row(ref left.R6, ref right.R6, rows[k4 + 6 * row], l, r);
        Row(ref left.R7, ref right.R7, rows[k4 + 7 * row], l, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static WeightChunk Chunk(ArrayView<Float4> columns, int at)
    {
        WeightChunk w = default;
        (w.K0, w.K1) = (columns[at], columns[at + TileColumns4]);
        (w.K2, w.K3) = (columns[at + 2 * TileColumns4], columns[at + 3 * TileColumns4]);
        return w;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(ref Float4 left, ref Float4 right, Float4 a, WeightChunk l, WeightChunk r)
    {
        left = Float4.MultiplyAdd(l.K0, a.X, left);
        right = Float4.MultiplyAdd(r.K0, a.X, right);
        left = Float4.MultiplyAdd(l.K1, a.Y, left);
        right = Float4.MultiplyAdd(r.K1, a.Y, right);
        left = Float4.MultiplyAdd(l.K2, a.Z, left);
        right = Float4.MultiplyAdd(r.K2, a.Z, right);
        left = Float4.MultiplyAdd(l.K3, a.W, left);
        right = Float4.MultiplyAdd(r.K3, a.W, right);
    }

    /// <summary>What a thread copies of every panel: two fours of A and four of B.</summary>
    private struct Panels
    {
        public ArrayView<Float4> A, B;
        public int Columns4, Depth4, LastK, Thread, K4, K, Row0, Row1, Column4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Start(Panels self, ArrayView<Float4> tileA, ArrayView<Float4> tileB, int atA, int atB, int panel)
        {
            int k4 = panel * (Depth / 4) + self.K4, at = IntrinsicMath.Min(k4, self.Depth4 - 1), bytes = k4 < self.Depth4 ? 16 : 0;
            AsyncCopy.Start(ref tileA[atA + self.Thread], ref self.A[self.Row0 + at], bytes);
            AsyncCopy.Start(ref tileA[atA + self.Thread + Threads], ref self.A[self.Row1 + at], bytes);
            int k = panel * Depth + self.K;
            for (int i = 0; i < 4; i++)
            {
                int from = IntrinsicMath.Min(k + i * (Threads / TileColumns4), self.LastK) * self.Columns4 + self.Column4;
                AsyncCopy.Start(ref tileB[atB + self.Thread + i * Threads], ref self.B[from], 16);
            }
        }
    }
}

/// <summary>A thread's sums of one float4 column: eight rows, <see cref="AsyncGemmLoop.RowThreads"/> apart.</summary>
internal struct EightRows
{
    public Float4 R0, R1, R2, R3, R4, R5, R6, R7;

    private const int Step = AsyncGemmLoop.RowThreads;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightRows Begin<TEnds>(TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        EightRows sums = default;
        sums.R0 = TEnds.Begin(ends, row, column4);
        sums.R1 = TEnds.Begin(ends, row + Step, column4);
        sums.R2 = TEnds.Begin(ends, row + 2 * Step, column4);
        sums.R3 = TEnds.Begin(ends, row + 3 * Step, column4);
        sums.R4 = TEnds.Begin(ends, row + 4 * Step, column4);
        sums.R5 = TEnds.Begin(ends, row + 5 * Step, column4);
        sums.R6 = TEnds.Begin(ends, row + 6 * Step, column4);
        sums.R7 = TEnds.Begin(ends, row + 7 * Step, column4);
        return sums;
    }

    /// <summary>All that the ends read first, so that it is under way together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TEnds>(EightRows sums, TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        float c0 = TEnds.Carried(ends, row, column4), c1 = TEnds.Carried(ends, row + Step, column4);
        float c2 = TEnds.Carried(ends, row + 2 * Step, column4), c3 = TEnds.Carried(ends, row + 3 * Step, column4);
        float c4 = TEnds.Carried(ends, row + 4 * Step, column4), c5 = TEnds.Carried(ends, row + 5 * Step, column4);
        float c6 = TEnds.Carried(ends, row + 6 * Step, column4), c7 = TEnds.Carried(ends, row + 7 * Step, column4);
        TEnds.End(ends, row, column4, sums.R0, c0);
        TEnds.End(ends, row + Step, column4, sums.R1, c1);
        TEnds.End(ends, row + 2 * Step, column4, sums.R2, c2);
        TEnds.End(ends, row + 3 * Step, column4, sums.R3, c3);
        TEnds.End(ends, row + 4 * Step, column4, sums.R4, c4);
        TEnds.End(ends, row + 5 * Step, column4, sums.R5, c5);
        TEnds.End(ends, row + 6 * Step, column4, sums.R6, c6);
        TEnds.End(ends, row + 7 * Step, column4, sums.R7, c7);
    }
}
