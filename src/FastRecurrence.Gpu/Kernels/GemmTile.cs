using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The sums of four neighbouring rows for one unit: what one thread keeps in registers.</summary>
internal struct RowSums<TGates>
    where TGates : unmanaged
{
    public TGates Row0, Row1, Row2, Row3;
}

/// <summary>
/// The inner loop of both GEMMs: a group of 16×8 threads adds <c>A·B</c> to a tile of 32 rows × 16 units, each sum in one
/// accumulator in ascending k. <c>A</c> is <c>[rows, K]</c> (x or h), <c>B</c> is <c>[K, units]</c> with the gates of a
/// unit adjacent. Padding beyond the last row, unit or k is zero in both tiles, and no accumulator sees two rows: a NaN
/// stays in its row.
/// </summary>
internal static class GemmTile
{
    /// <summary>Threads along the units; each owns one unit.</summary>
    public const int UnitThreads = 16;

    /// <summary>Threads along the rows; each owns <see cref="RowsPerThread"/> rows.</summary>
    public const int RowThreads = 8;

    /// <summary>Rows in a thread's registers.</summary>
    public const int RowsPerThread = 4;

    /// <summary>Threads of a group.</summary>
    public const int Threads = UnitThreads * RowThreads;

    /// <summary>Rows of a group's tile.</summary>
    public const int Rows = RowThreads * RowsPerThread;

    /// <summary>k's staged in shared memory at once: 8 KB of B for an LSTM and 4.5 KB of A.</summary>
    public const int Depth = 32;

    /// <summary>Shared memory of a group for the largest cell, in bytes.</summary>
    public const int SharedBytes = Depth * (StrideA + UnitThreads) * 4 * sizeof(float);

    // Rows of one k in units of Float4, with one more so that threads that store neighbouring k's meet fewer bank conflicts.
    private const int StrideA = RowThreads + 1;

    /// <summary>Adds <c>A·B</c> to the sums. Every thread of the group must come here: there are barriers inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate<TGates>(ArrayView<float> a, ArrayView<TGates> b, int rowCount, int units, int depth, ref RowSums<TGates> sums)
        where TGates : unmanaged, IGates<TGates>
    {
        // Float4 makes the tile 16-byte aligned, so that a thread reads its four rows at once.
        ArrayView<Float4> tileA = SharedMemory.Allocate<Float4>(Depth * StrideA);
        ArrayView<TGates> tileB = SharedMemory.Allocate<TGates>(Depth * UnitThreads);
        ArrayView<float> tileAValues = tileA.Cast<float>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * UnitThreads + x;
        int rowBase = Grid.IdxX * Rows, unitBase = Grid.IdxY * UnitThreads;

        for (int k0 = 0; k0 < depth; k0 += Depth)
        {
            for (int i = 0; i < Depth / RowThreads; i++)
            {
                int k = y + i * RowThreads;
                TGates value = TGates.Zero;
                if (k0 + k < depth && unitBase + x < units)
                    value = b[(k0 + k) * units + unitBase + x];
                tileB[k * UnitThreads + x] = value;
            }

            for (int i = 0; i < Rows * Depth / Threads; i++)
            {
                int at = thread + i * Threads;
                int row = at / Depth, k = at % Depth;
                float value = 0f;
                if (rowBase + row < rowCount && k0 + k < depth)
                    value = a[(rowBase + row) * depth + k0 + k];
                tileAValues[k * (StrideA * 4) + row] = value;
            }

            Group.Barrier();
            for (int k = 0; k < Depth; k++)
            {
                TGates w = tileB[k * UnitThreads + x];
                Float4 rows = tileA[k * StrideA + y];
                sums.Row0 = TGates.MultiplyAdd(w, rows.X, sums.Row0);
                sums.Row1 = TGates.MultiplyAdd(w, rows.Y, sums.Row1);
                sums.Row2 = TGates.MultiplyAdd(w, rows.Z, sums.Row2);
                sums.Row3 = TGates.MultiplyAdd(w, rows.W, sums.Row3);
            }

            Group.Barrier();
        }
    }
}
