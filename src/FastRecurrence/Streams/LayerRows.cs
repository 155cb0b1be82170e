namespace FastRecurrence.Streams;

/// <summary>A layer that runs over any rows of a slab of states, picked in place. Has scratch memory of its own: one call at a time.</summary>
internal abstract unsafe class LayerRows
{
    /// <summary>Floats of h of a row.</summary>
    public abstract int HiddenWidth { get; }

    /// <summary>Floats of c of a row, padded to whole vectors; 0 for cells without. The first H of them are c, unit after unit.</summary>
    public abstract int CellWidth { get; }

    /// <summary>Rows that one run may have: 1 where the format of the weights serves a batch of one alone.</summary>
    public abstract int MostRows { get; }

    /// <summary>Runs a sequence of <paramref name="rows"/> rows, of which the order picks the states.</summary>
    /// <param name="hidden">h of row 0 of the slab.</param>
    /// <param name="cell">c of row 0, on a 64-byte boundary.</param>
    /// <param name="step">Floats from a row of the slab to the next, a multiple of 16.</param>
    /// <param name="rows">N, at least 1.</param>
    /// <param name="sequence">At least one step; <see cref="SortedSequence.Order"/> has row numbers of the slab.</param>
    public abstract void Run(float* hidden, float* cell, nint step, int rows, in SortedSequence sequence);
}
