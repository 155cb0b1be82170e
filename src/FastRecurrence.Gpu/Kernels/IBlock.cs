using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The sums that one thread of a <see cref="GemmTile"/> keeps in registers: groups of four neighbouring rows by quads. The
/// nesting of types does what a loop over an array would do, and cannot end up in local memory.
/// </summary>
internal interface IBlock<TSelf>
    where TSelf : unmanaged
{
    /// <summary>Groups of four rows a thread owns.</summary>
    static abstract int RowGroups { get; }

    /// <summary>Quads a thread owns.</summary>
    static abstract int Quads { get; }

    /// <summary>The binary logarithm of the quads in a row of a group's tile.</summary>
    static abstract int QuadShift { get; }

    /// <summary>Starts every sum with what the source has for its row and quad.</summary>
    static abstract TSelf Load<TEnds>(TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>;

    /// <summary>Adds one k: four rows of A from <paramref name="atA"/>, quads of B from <paramref name="atB"/>.</summary>
    static abstract TSelf MultiplyAdd(TSelf sums, ArrayView<Quad> tileA, int atA, ArrayView<Quad> tileB, int atB);

    /// <summary>Hands every finished sum over.</summary>
    static abstract void Store<TEnds>(TSelf sums, TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>;
}

/// <summary>Where the sums of a GEMM begin and what becomes of them; both look at rows and quads that may lie outside.</summary>
internal interface IChainEnds<TSelf>
    where TSelf : struct
{
    static abstract Quad Begin(TSelf self, int row, int quad);

    static abstract void End(TSelf self, int row, int quad, Quad sum);
}

/// <summary>Four rows of one quad: 16 sums, for few rows.</summary>
internal struct SmallBlock : IBlock<SmallBlock>
{
    public Quad Row0, Row1, Row2, Row3;

    public static int RowGroups => 1;

    public static int Quads => 1;

    public static int QuadShift => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock Load<TEnds>(TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>
    {
        SmallBlock sums = default;
        sums.Row0 = TEnds.Begin(ends, row, quad);
        sums.Row1 = TEnds.Begin(ends, row + 1, quad);
        sums.Row2 = TEnds.Begin(ends, row + 2, quad);
        sums.Row3 = TEnds.Begin(ends, row + 3, quad);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock MultiplyAdd(SmallBlock sums, ArrayView<Quad> tileA, int atA, ArrayView<Quad> tileB, int atB) =>
        Add(sums, tileA[atA], tileB[atB]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TEnds>(SmallBlock sums, TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>
    {
        TEnds.End(ends, row, quad, sums.Row0);
        TEnds.End(ends, row + 1, quad, sums.Row1);
        TEnds.End(ends, row + 2, quad, sums.Row2);
        TEnds.End(ends, row + 3, quad, sums.Row3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SmallBlock Add(SmallBlock sums, Quad rows, Quad w)
    {
        sums.Row0 = Quad.MultiplyAdd(w, rows.X, sums.Row0);
        sums.Row1 = Quad.MultiplyAdd(w, rows.Y, sums.Row1);
        sums.Row2 = Quad.MultiplyAdd(w, rows.Z, sums.Row2);
        sums.Row3 = Quad.MultiplyAdd(w, rows.W, sums.Row3);
        return sums;
    }
}

/// <summary>Eight rows of two quads: 64 sums, each value from shared memory used 8 times, for many rows.</summary>
internal struct LargeBlock : IBlock<LargeBlock>
{
    public SmallBlock A, B, C, D;

    public static int RowGroups => 2;

    public static int Quads => 2;

    public static int QuadShift => 5;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LargeBlock Load<TEnds>(TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>
    {
        LargeBlock sums = default;
        sums.A = SmallBlock.Load(ends, row, quad);
        sums.B = SmallBlock.Load(ends, row, quad + GemmTile.QuadThreads);
        sums.C = SmallBlock.Load(ends, row + GemmTile.GroupRows, quad);
        sums.D = SmallBlock.Load(ends, row + GemmTile.GroupRows, quad + GemmTile.QuadThreads);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LargeBlock MultiplyAdd(LargeBlock sums, ArrayView<Quad> tileA, int atA, ArrayView<Quad> tileB, int atB)
    {
        Quad low = tileA[atA], high = tileA[atA + GemmTile.RowThreads];
        Quad left = tileB[atB], right = tileB[atB + GemmTile.QuadThreads];
        sums.A = SmallBlock.Add(sums.A, low, left);
        sums.B = SmallBlock.Add(sums.B, low, right);
        sums.C = SmallBlock.Add(sums.C, high, left);
        sums.D = SmallBlock.Add(sums.D, high, right);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TEnds>(LargeBlock sums, TEnds ends, int row, int quad)
        where TEnds : struct, IChainEnds<TEnds>
    {
        SmallBlock.Store(sums.A, ends, row, quad);
        SmallBlock.Store(sums.B, ends, row, quad + GemmTile.QuadThreads);
        SmallBlock.Store(sums.C, ends, row + GemmTile.GroupRows, quad);
        SmallBlock.Store(sums.D, ends, row + GemmTile.GroupRows, quad + GemmTile.QuadThreads);
    }
}
