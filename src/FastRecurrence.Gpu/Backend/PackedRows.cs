namespace FastRecurrence.Gpu;

/// <summary>Steps of a sequence whose rows lie behind each other on a device, without padding, in the order in which they run.</summary>
/// <param name="BatchSize">N.</param>
/// <param name="FirstStep">The first of the steps.</param>
/// <param name="Until">The step behind the last of them.</param>
/// <param name="First">Rows of all steps before.</param>
/// <param name="Count">Rows of these.</param>
internal readonly record struct PackedRows(int BatchSize, int FirstStep, int Until, int First, int Count)
{
    /// <summary>At most <paramref name="steps"/> steps of a sequence, from one on that has so many rows before it.</summary>
    public static PackedRows From(in SortedSequence sequence, int batchSize, int firstStep, int first, int steps)
    {
        int until = (int)Math.Min((long)firstStep + steps, sequence.Steps), count = 0;
        if (sequence.RowsPerStep.IsEmpty)
            count = (until - firstStep) * batchSize;
        else
            for (int step = firstStep; step < until; step++)
                count += sequence.RowsPerStep[step];
        return new(batchSize, firstStep, until, first, count);
    }

    /// <summary>The step behind the last of those from <paramref name="step"/> on that all have as many rows, at most so many.</summary>
    public int SameUntil(in SortedSequence sequence, int step, int most)
    {
        int last = (int)Math.Min((long)step + most, Until), until = step + 1;
        if (sequence.RowsPerStep.IsEmpty)
            return last;
        while (until < last && sequence.RowsPerStep[until] == sequence.RowsPerStep[step])
            until++;
        return until;
    }

    /// <summary>The rows, from wherever they lie in a caller's memory.</summary>
    public void Gather(in SortedSequence sequence, ReadOnlySpan<float> source, Span<float> packed, int width)
    {
        if (sequence.Places.IsEmpty)
        {
            source.Slice(First * width, Count * width).CopyTo(packed);
            return;
        }

        for (int step = FirstStep, at = 0; step < Until; step++)
        {
            for (int i = 0, rows = sequence.RowsAt(step, BatchSize); i < rows; i++, at += width)
                source.Slice(sequence.MemoryRow(step, i, BatchSize) * width, width).CopyTo(packed[at..]);
        }
    }

    /// <summary>The rows, to wherever they lie in a caller's memory, a stride apart.</summary>
    public void Scatter(in SortedSequence sequence, ReadOnlySpan<float> packed, Span<float> destination, int width, int stride)
    {
        if (sequence.Places.IsEmpty && stride == width)
        {
            packed.CopyTo(destination[(First * width)..]);
            return;
        }

        for (int step = FirstStep, at = 0; step < Until; step++)
        {
            for (int i = 0, rows = sequence.RowsAt(step, BatchSize); i < rows; i++, at += width)
                packed.Slice(at, width).CopyTo(destination[(sequence.MemoryRow(step, i, BatchSize) * stride)..]);
        }
    }
}
