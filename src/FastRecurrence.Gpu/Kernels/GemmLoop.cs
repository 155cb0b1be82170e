using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The loop of both GEMMs: a group of 16×8 threads adds <c>A·B</c> to a tile of 32 rows × 16 float4 columns, or 64 × 32 with large
/// blocks, each sum in one accumulator in ascending k. <c>A</c> is <c>[rows, K]</c> (x or h), <c>B</c> is <c>[K, columns4]</c>.
/// Padding beyond the last row, float4 column or k is zero in both tiles, and no accumulator sees two rows: a NaN stays in its row.
/// </summary>
internal static class GemmLoop
{
    /// <summary>Threads along the float4 columns.</summary>
    public const int ColumnThreads = 16;

    /// <summary>Threads along the rows; each owns four neighbouring rows of every row group.</summary>
    public const int RowThreads = 8;

    /// <summary>Threads of a group.</summary>
    public const int Threads = ColumnThreads * RowThreads;

    /// <summary>Rows of one row group of all threads.</summary>
    public const int GroupRows = RowThreads * 4;

    /// <summary>k's staged in shared memory at once.</summary>
    public const int Depth = 16;

    // Shifts and masks instead of / and %: ILGPU hands signed division on, and ptxas makes some twenty instructions of it even by a power of two.
    private const int DepthShift = 4;

    /// <summary>Shared memory of a group with large blocks, in bytes.</summary>
    public const int SharedBytes = Depth * (2 * RowThreads + 1 + 2 * ColumnThreads) * 4 * sizeof(float);

    /// <summary>The thread's block of <c>Begin + A·B</c>, handed to <c>End</c>. Every thread of the group must come here: there are barriers inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<TBlock, TEnds>(ArrayView<float> a, ArrayView<Float4> b, int rowCount, int columns4, int depth, TEnds ends)
        where TBlock : unmanaged, IThreadBlock<TBlock>
        where TEnds : struct, IChainEnds<TEnds>
    {
        // Four rows of one k are one Float4, so that a thread reads its rows at once; one more of them a k, against bank conflicts.
        int strideA = TBlock.RowGroups * RowThreads + 1, strideB = TBlock.Columns4 * ColumnThreads;
        ArrayView<Float4> tileA = SharedMemory.Allocate<Float4>(Depth * (TBlock.RowGroups * RowThreads + 1));
        ArrayView<Float4> tileB = SharedMemory.Allocate<Float4>(Depth * TBlock.Columns4 * ColumnThreads);
        ArrayView<float> tileAValues = tileA.Cast<float>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * ColumnThreads + x;
        int rowBase = Grid.IdxX * (TBlock.RowGroups * GroupRows), columnBase = Grid.IdxY * (TBlock.Columns4 * ColumnThreads);

        TBlock sums = TBlock.Load(ends, rowBase + 4 * y, columnBase + x);
        for (int k0 = 0; k0 < depth; k0 += Depth)
        {
            for (int i = 0; i < TBlock.Columns4 * Depth / RowThreads; i++)
            {
                int at = thread + i * Threads;
                int k = at >> TBlock.ColumnShift, column4 = at & (TBlock.Columns4 * ColumnThreads - 1);
                Float4 value = Float4.Zero;
                if (k0 + k < depth && columnBase + column4 < columns4)
                    value = b[(k0 + k) * columns4 + columnBase + column4];
                tileB[at] = value;
            }

            for (int i = 0; i < TBlock.RowGroups * GroupRows * Depth / Threads; i++)
            {
                int at = thread + i * Threads;
                int row = at >> DepthShift, k = at & (Depth - 1);
                float value = 0f;
                if (rowBase + row < rowCount && k0 + k < depth)
                    value = a[(rowBase + row) * depth + k0 + k];
                tileAValues[k * (strideA * 4) + row] = value;
            }

            Group.Barrier();
            // Four k's a turn by hand: ptxas leaves the loop rolled with large blocks, and every turn would wait for its loads.
            for (int k = 0; k < Depth; k += 4)
            {
                int atA = k * strideA + y, atB = k * strideB + x;
                sums = TBlock.MultiplyAdd(sums, tileA, atA, tileB, atB);
                sums = TBlock.MultiplyAdd(sums, tileA, atA + strideA, tileB, atB + strideB);
                sums = TBlock.MultiplyAdd(sums, tileA, atA + 2 * strideA, tileB, atB + 2 * strideB);
                sums = TBlock.MultiplyAdd(sums, tileA, atA + 3 * strideA, tileB, atB + 3 * strideB);
            }

            Group.Barrier();
        }

        TBlock.Store(sums, ends, rowBase + 4 * y, columnBase + x);
    }
}
