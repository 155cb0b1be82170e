namespace FastRecurrence.Cells;

/// <summary>
/// Up to four values of one hidden unit, or of a vector of units: preactivations that a cell turns into gates, in the order of its columns. Four
/// vectors on a CPU, four floats on a device. A cell with one gate uses the first alone.
/// </summary>
internal struct Gates<V>
    where V : struct
{
    public V X, Y, Z, W;
}

/// <summary>What a backward step reads beside the gates. A cell reads what it has.</summary>
internal struct SavedStep<V>
    where V : struct
{
    /// <summary>h and c of the step before, and c after the step.</summary>
    public V HiddenBefore, CellBefore, Cell;

    public Peepholes<V> Peepholes;
}

/// <summary>Which of <see cref="Gates{V}"/> a part of a cell reads or writes: the others are never loaded.</summary>
[Flags]
internal enum GateSet
{
    None = 0,
    X = 1,
    Y = 2,
    Z = 4,
    W = 8,
    All = X | Y | Z | W,
}
