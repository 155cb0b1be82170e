namespace FastRecurrence;

/// <summary>
/// Zoneout (Krueger et al. 2017): in a run with a tape, units of h and of c keep at random what they had before a step,
/// <c>h' = m∘h + (1 − m)∘h̃</c>, and the same for c with a mask of its own; y is h' after zoneout. The default keeps nothing. The masks are a function of
/// <see cref="TrainingTape.ZoneoutSeed"/>, the step of the run, the row and the unit: the backward pass makes them again, and no order of the work changes
/// them.
/// </summary>
public readonly record struct Zoneout
{
    /// <summary>The share of units of h that keep their value, from 0 to 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is out of range.</exception>
    public double Hidden
    {
        get;
        init => field = Require(value, nameof(Hidden));
    }

    /// <summary>The share of units of c that keep their value, from 0 to 1; only for a cell that has c.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is out of range.</exception>
    public double Cell
    {
        get;
        init => field = Require(value, nameof(Cell));
    }

    /// <summary>
    /// Whether every unit takes the mean of both instead, <c>m</c> being the share itself: for validation of a net that was trained with masks.
    /// </summary>
    public bool IsExpected { get; init; }

    /// <summary>Whether anything is kept.</summary>
    internal bool IsActive => Hidden != 0 || Cell != 0;

    private static double Require(double value, string name) => value is >= 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, "Zoneout keeps a share of the units: use a number from 0 to 1.");
}

/// <summary>The masks of one run: of h, or of c.</summary>
internal readonly struct ZoneoutMask(double rate, bool isExpected, ulong seed, uint stream)
{
    /// <summary>Counters of its own: those of dropout have the number of a layer here.</summary>
    private const uint FirstStream = 0x8000_0000;

    private readonly uint _threshold = (uint)Math.Min(uint.MaxValue, rate * 4294967296.0);

    /// <summary>Whether it keeps anything.</summary>
    public bool IsActive => rate != 0;

    /// <summary>m of neighbouring units of a row at a step of the run.</summary>
    public void Fill(Span<float> m, int step, int row, int firstUnit)
    {
        UInt128 random = 0;
        for (int i = 0; i < m.Length; i++)
        {
            int unit = firstUnit + i, place = unit % 4;
            if (isExpected || rate == 1)
            {
                m[i] = (float)rate;
                continue;
            }

            if (i == 0 || place == 0)
                random = Dropout.Philox((uint)unit / 4, (uint)row, (uint)step, FirstStream + stream, seed);
            m[i] = (uint)(random >> (32 * place)) < _threshold ? 1f : 0f;
        }
    }
}
