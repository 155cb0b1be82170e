namespace FastRecurrence.Lanes;

/// <summary>
/// The few verbs a cell, an activation and a microkernel may use. <typeparamref name="V"/> is the vector itself, not a
/// wrapper around it: a wrapper struct costs extra moves in the inner loop. Width 1 is a vector like the others.
/// </summary>
internal interface ILanes<V> : ILanesCount
    where V : struct
{
    static abstract V Broadcast(float x);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Divide(V a, V b);

    /// <summary>a·b + c with one rounding.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    static abstract V Abs(V x);

    /// <summary>The magnitude of <paramref name="magnitude"/> with the sign bit of <paramref name="sign"/>.</summary>
    static abstract V CopySign(V magnitude, V sign);

    /// <summary>x where x ≤ limit or x is NaN, else limit.</summary>
    static abstract V AtMost(V x, V limit);

    /// <summary>x where x ≥ limit or x is NaN, else limit; x where both are zeros.</summary>
    static abstract V AtLeast(V x, V limit);

    /// <summary>negative where x &lt; 0, else other; NaN and −0 are not negative.</summary>
    static abstract V WhereNegative(V x, V negative, V other);

    /// <summary>
    /// 2ⁿ for the integer n that <paramref name="shifted"/> carries in its low mantissa bits, shifted = n + 127 + 1.5·2²³ (so that adding
    /// the magic number rounds to the nearest integer with the exponent's bias, and needs no conversion). −127 ≤ n ≤ 127; n = −127 gives +0.
    /// </summary>
    static abstract V PowerOfTwo(V shifted);
}

/// <summary>The width, where the vector itself does not matter.</summary>
internal interface ILanesCount
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Count { get; }
}

/// <summary>How the CPU kernels reach memory; devices have their own way, so it is apart from the arithmetic.</summary>
internal unsafe interface IMemoryLanes<V> : ILanes<V>
    where V : struct
{
    /// <summary>Reads Count floats at any alignment.</summary>
    static abstract V Load(float* p);

    /// <summary>Writes Count floats at any alignment.</summary>
    static abstract void Store(V x, float* p);

    /// <summary>The bits of every lane moved up.</summary>
    static abstract V ShiftLeft(V bits, int count);

    /// <summary>The bits of every lane as a signed integer, converted to float.</summary>
    static abstract V ConvertInteger(V bits);

    /// <summary>
    /// Rows of the largest register tile: 6 with 32 vector registers, 3 with 16. More would spill. 1 where multiply-add is software, whose values fill
    /// the registers.
    /// </summary>
    static abstract int TileRows { get; }
}
