using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The sums that one thread of a <see cref="GemmLoop"/> keeps in registers: groups of four neighbouring rows by float4 columns. The
/// nesting of types does what a loop over an array would do, and cannot end up in local memory.
/// </summary>
internal interface IThreadBlock<TSelf>
    where TSelf : unmanaged
{
    /// <summary>Groups of four rows a thread owns.</summary>
    static abstract int RowGroups { get; }

    /// <summary>Columns in fours a thread owns.</summary>
    static abstract int Columns4 { get; }

    /// <summary>The binary logarithm of the float4 columns in a row of a group's tile.</summary>
    static abstract int ColumnShift { get; }

    /// <summary>Starts every sum with what the source has for its row and float4 column.</summary>
    static abstract TSelf Load<TEnds>(TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>;

    /// <summary>Adds one k: four rows of A from <paramref name="atA"/>, float4 columns of B from <paramref name="atB"/>.</summary>
    static abstract TSelf MultiplyAdd(TSelf sums, ArrayView<Float4> tileA, int atA, ArrayView<Float4> tileB, int atB);

    /// <summary>Hands every finished sum over.</summary>
    static abstract void Store<TEnds>(TSelf sums, TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>;
}

/// <summary>Where the sums of a GEMM begin and what becomes of them; both look at rows and float4 columns that may lie outside.</summary>
internal interface IChainEnds<TSelf>
    where TSelf : struct
{
    /// <summary>What a sum begins with. Loads in any case, without a branch, so that all of a thread's loads are under way together.</summary>
    static abstract Float4 Begin(TSelf self, int row, int column4);

    /// <summary>What the end needs from memory beside the sum; loaded likewise, of all of a thread's rows before the first end.</summary>
    static abstract float Carried(TSelf self, int row, int column4);

    /// <summary>Stores a sum that lies inside.</summary>
    static abstract void End(TSelf self, int row, int column4, Float4 sum, float carried);
}

/// <summary>Four rows of one float4 column: 16 sums, for few rows.</summary>
internal struct SmallBlock : IThreadBlock<SmallBlock>
{
    public Float4 Row0, Row1, Row2, Row3;

    public static int RowGroups => 1;

    public static int Columns4 => 1;

    public static int ColumnShift => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock Load<TEnds>(TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        SmallBlock sums = default;
        sums.Row0 = TEnds.Begin(ends, row, column4);
        sums.Row1 = TEnds.Begin(ends, row + 1, column4);
        sums.Row2 = TEnds.Begin(ends, row + 2, column4);
        sums.Row3 = TEnds.Begin(ends, row + 3, column4);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock MultiplyAdd(SmallBlock sums, ArrayView<Float4> tileA, int atA, ArrayView<Float4> tileB, int atB) =>
        Add(sums, tileA[atA], tileB[atB]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TEnds>(SmallBlock sums, TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        float carried0 = TEnds.Carried(ends, row, column4), carried1 = TEnds.Carried(ends, row + 1, column4);
        float carried2 = TEnds.Carried(ends, row + 2, column4), carried3 = TEnds.Carried(ends, row + 3, column4);
        TEnds.End(ends, row, column4, sums.Row0, carried0);
        TEnds.End(ends, row + 1, column4, sums.Row1, carried1);
        TEnds.End(ends, row + 2, column4, sums.Row2, carried2);
        TEnds.End(ends, row + 3, column4, sums.Row3, carried3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock Add(SmallBlock sums, Float4 rows, Float4 w)
    {
        sums.Row0 = Float4.MultiplyAdd(w, rows.X, sums.Row0);
        sums.Row1 = Float4.MultiplyAdd(w, rows.Y, sums.Row1);
        sums.Row2 = Float4.MultiplyAdd(w, rows.Z, sums.Row2);
        sums.Row3 = Float4.MultiplyAdd(w, rows.W, sums.Row3);
        return sums;
    }
}

/// <summary>Eight rows of two float4 columns: 64 sums, each value from shared memory used 8 times, for many rows.</summary>
internal struct LargeBlock : IThreadBlock<LargeBlock>
{
    public SmallBlock A, B, C, D;

    public static int RowGroups => 2;

    public static int Columns4 => 2;

    public static int ColumnShift => 5;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LargeBlock Load<TEnds>(TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        LargeBlock sums = default;
        sums.A = SmallBlock.Load(ends, row, column4);
        sums.B = SmallBlock.Load(ends, row, column4 + GemmLoop.ColumnThreads);
        sums.C = SmallBlock.Load(ends, row + GemmLoop.GroupRows, column4);
        sums.D = SmallBlock.Load(ends, row + GemmLoop.GroupRows, column4 + GemmLoop.ColumnThreads);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LargeBlock MultiplyAdd(LargeBlock sums, ArrayView<Float4> tileA, int atA, ArrayView<Float4> tileB, int atB)
    {
        Float4 low = tileA[atA], high = tileA[atA + GemmLoop.RowThreads];
        Float4 left = tileB[atB], right = tileB[atB + GemmLoop.ColumnThreads];
        sums.A = SmallBlock.Add(sums.A, low, left);
        sums.B = SmallBlock.Add(sums.B, low, right);
        sums.C = SmallBlock.Add(sums.C, high, left);
        sums.D = SmallBlock.Add(sums.D, high, right);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TEnds>(LargeBlock sums, TEnds ends, int row, int column4)
        where TEnds : struct, IChainEnds<TEnds>
    {
        SmallBlock.Store(sums.A, ends, row, column4);
        SmallBlock.Store(sums.B, ends, row, column4 + GemmLoop.ColumnThreads);
        SmallBlock.Store(sums.C, ends, row + GemmLoop.GroupRows, column4);
        SmallBlock.Store(sums.D, ends, row + GemmLoop.GroupRows, column4 + GemmLoop.ColumnThreads);
    }
}
