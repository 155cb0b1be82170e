using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>The floats of a row of a block of a tape, as a type.</summary>
internal interface ITapeRow
{
    static abstract int Floats { get; }
}

/// <summary>Four columns of 16 units, or 64 neighbouring units.</summary>
internal readonly struct TapeRowOf64 : ITapeRow
{
    public static int Floats => 64;
}

/// <summary>Two columns of 16 units, or 32 neighbouring units.</summary>
internal readonly struct TapeRowOf32 : ITapeRow
{
    public static int Floats => 32;
}

/// <summary>Four neighbouring vectors out of a row of a tape.</summary>
internal readonly struct FourOfTapeRow<TRow> : IColumns
    where TRow : struct, ITapeRow
{
    public static int Count => 4;

    public static int Stride => 4;

    public static int Third => 2;

    public static int Kept => -1;

    public static int Step => TRow.Floats;
}

/// <summary>Two neighbouring vectors out of a row of a tape.</summary>
internal readonly struct TwoOfTapeRow<TRow> : IColumns
    where TRow : struct, ITapeRow
{
    public static int Count => 2;

    public static int Stride => 2;

    public static int Third => 0;

    public static int Kept => -1;

    public static int Step => TRow.Floats;
}

/// <summary>The first three of four vectors of a row of a tape: what W of a GRU has gradients of.</summary>
internal readonly struct FirstThreeOfTapeRow<TRow> : IColumns
    where TRow : struct, ITapeRow
{
    public static int Count => 3;

    public static int Stride => 4;

    public static int Third => 2;

    public static int Kept => 3;

    public static int Step => TRow.Floats;
}

/// <summary>The first two and the last of four vectors: what R of a GRU has gradients of.</summary>
internal readonly struct FirstTwoAndLastOfTapeRow<TRow> : IColumns
    where TRow : struct, ITapeRow
{
    public static int Count => 3;

    public static int Stride => 4;

    public static int Third => 3;

    public static int ThirdInPanel => 3;

    public static int Kept => 2;

    public static int Step => TRow.Floats;
}

/// <summary>Vectors of a row of a tape that one product takes: where they start, and which.</summary>
internal readonly record struct TapePiece(int Start, TapePieceKind Kind)
{
    /// <summary>
    /// The products that together take the columns of a block, and as few others as the tiles allow.
    /// </summary>
    /// <param name="columns">Columns of 16 floats.</param>
    /// <param name="width">Floats of a row of a block.</param>
    /// <param name="lanes">Floats of a vector.</param>
    public static TapePiece[] Of(int[] columns, int width, int lanes)
    {
        if (lanes == TapeLayout.Lanes && width == TapeRowOf64.Floats)
        {
            return columns switch
            {
                [0, 1, 2] => [new(0, TapePieceKind.FirstThree)],
                [0, 1, 3] => [new(0, TapePieceKind.FirstTwoAndLast)],
                [0, 1] or [0] or [1] => [new(0, TapePieceKind.Two)],
                [2, 3] or [2] or [3] => [new(2 * lanes, TapePieceKind.Two)],
                _ => [new(0, TapePieceKind.Four)],
            };
        }

        if (lanes == TapeLayout.Lanes)
            return [new(0, TapePieceKind.Two)];
        var pieces = new List<TapePiece>();
        foreach ((int start, int length) in TapeLayout.Runs(columns))
        {
            int at = start;
            for (; at + 4 * lanes <= start + length; at += 4 * lanes)
                pieces.Add(new(at, TapePieceKind.Four));
            if (at < start + length)
                pieces.Add(new(at, TapePieceKind.Two));
        }

        return [.. pieces];
    }
}

/// <summary>The shapes of a <see cref="TapePiece"/>.</summary>
internal enum TapePieceKind
{
    Two,
    Four,
    FirstThree,
    FirstTwoAndLast,
}
