using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>As <see cref="InputGemmKernel"/>, on tensor cores: <c>preactivation[row, column4] = b + x·W</c>.</summary>
internal static class TensorInputGemmKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles; weights in the order of <see cref="TensorFragments"/>.</summary>
    public static void Run<TTile, TLeft, TProduct>(InputGemmArguments a)
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
        where TProduct : struct, ITensorProduct =>
        TensorGemmLoop.Run<TTile, TLeft, TProduct, InputGemmEnds>(
            a.Input, a.Weights, a.RowCount, a.Columns4, a.InputSize, new InputGemmEnds { Gemm = a });
}

/// <summary>As <see cref="TiledStepKernel"/>, on tensor cores: one time step in one launch for many rows.</summary>
internal static class TensorTiledStepKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles; weights in the order of <see cref="TensorFragments"/>.</summary>
    public static void Run<TPointwise, TTile, TLeft, TProduct>(StepArguments a)
        where TPointwise : struct, IPointwise
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
        where TProduct : struct, ITensorProduct =>
        TensorGemmLoop.Run<TTile, TLeft, TProduct, TiledStepEnds<TPointwise>>(
            a.Hidden, a.Weights, a.Rows, a.Columns4, a.Depth, new TiledStepEnds<TPointwise> { Step = a });
}

/// <summary>
/// One time step in one launch on tensor cores, where tiles over all k's would leave most multiprocessors idle: a group makes 16 or 32 rows × 8 float4
/// columns, its eight warps share the k's, and each thread puts together and finishes one float4 column of one row.
/// </summary>
internal static class TensorSplitKStepKernel
{
    /// <summary>Threads of a warp, warps of a group, float4 columns of its tile.</summary>
    public const int Lanes = TensorGemmLoop.Lanes, Warps = 8, TileColumns4 = 8;

    // A row of partial sums in fours and in pairs; two fours more than it has, so that the rows of a fragment lie in different banks.
    private const int Row4 = TileColumns4 + 2, Row2 = 2 * Row4;

    /// <summary>The kernel. Grid: row tiles × column tiles; weights in the order of <see cref="TensorFragments"/>; the depth is a multiple of 4.</summary>
    public static void Run<TPointwise, TTile, TLeft, TProduct>(StepArguments a)
        where TPointwise : struct, IPointwise
        where TTile : struct, ITensorTile<TTile, TLeft>
        where TLeft : struct
        where TProduct : struct, ITensorProduct
    {
        ArrayView<Float4> partial = SharedMemory.Allocate<Float4>(Warps * TTile.Rows * Row4);
        ArrayView<Float4> hidden = a.Hidden.Cast<Float4>();
        int lane = Group.IdxX, warp = Group.IdxY, thread = warp * Lanes + lane;
        int rowBase = Grid.IdxX * TTile.Rows, depth4 = a.Depth >> 2, last = a.Rows - 1;

        // Each warp takes every eighth panel of k's, the next on its way while one is multiplied; beyond the last, the last again, which nobody multiplies.
        // The first of R is under way before the step before has ended.
        int panels = a.Depth + TensorGemmLoop.Depth - 1 >> 4, across = TensorFragments.Across(a.Columns4) * Lanes;
        ArrayView<Float4> fragments = a.Weights.SubView(Grid.IdxY * (4 * Lanes) + lane);
        int p = IntrinsicMath.Min(warp, panels - 1);
        TensorColumns right = TensorColumns.Load(fragments.SubView(p * across));
        DependentLaunch.Wait();

        // Every lane's rows of h, clamped: such sums are never stored.
        int g = rowBase + (lane >> 2), k4 = lane & 3, k = p * 4 + k4;
        int row0 = IntrinsicMath.Min(g, last) * depth4, row8 = IntrinsicMath.Min(g + 8, last) * depth4;
        int row16 = IntrinsicMath.Min(g + 16, last) * depth4, row24 = IntrinsicMath.Min(g + 24, last) * depth4;
        TLeft left = TTile.Keep(TTile.Load(hidden.SubView(IntrinsicMath.Min(k, depth4 - 1)), row0, row8, row16, row24), k < depth4);

        // What the thread's own column begins with, under way beside the products.
        int local = thread >> 3, row = rowBase + local, column4 = Grid.IdxY * TileColumns4 + (thread & 7);
        TiledStepEnds<TPointwise> ends = new() { Step = a };
        Float4 start = TiledStepEnds<TPointwise>.Begin(ends, row, column4);
        float carried = TiledStepEnds<TPointwise>.Carried(ends, row, column4);
        TTile sums = default;
        for (int panel = warp; panel < panels; panel += Warps)
        {
            p = IntrinsicMath.Min(panel + Warps, panels - 1);
            k = p * 4 + k4;
            TLeft nextLeft = TTile.Load(hidden.SubView(IntrinsicMath.Min(k, depth4 - 1)), row0, row8, row16, row24);
            TensorColumns nextRight = TensorColumns.Load(fragments.SubView(p * across));
            sums = TTile.MultiplyAdd<TProduct>(sums, left, right);
            left = TTile.Keep(nextLeft, k < depth4);
            right = nextRight;
        }

        // The warps' sums, put together in a fixed order by one thread a row and float4 column.
        TTile.Store(sums, partial.Cast<Float2>(), (warp * TTile.Rows + (lane >> 2)) * Row2 + (lane & 3), Row2);
        Group.Barrier();
        if (local < TTile.Rows)
        {
            int warpStep = TTile.Rows * Row4;
            ArrayView<Float4> own = partial.SubView(local * Row4 + (thread & 7));
            Float4 even = Float4.Add(Float4.Add(own[0], own[4 * warpStep]), Float4.Add(own[2 * warpStep], own[6 * warpStep]));
            Float4 odd = Float4.Add(Float4.Add(own[warpStep], own[5 * warpStep]), Float4.Add(own[3 * warpStep], own[7 * warpStep]));
            TiledStepEnds<TPointwise>.End(ends, row, column4, Float4.Add(Float4.Add(even, odd), start), carried);
        }
    }
}
