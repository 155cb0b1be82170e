using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// The lengths of one call's rows, copied out of the caller's memory once. The copy is checked, and only the copy is read
/// afterwards: another thread may change the caller's memory in between, and an unchecked length would lead a kernel
/// out of its spans. Its memory grows at the first call and is kept.
/// </summary>
internal sealed class RowLengths
{
    private int[] _copy = [];

    /// <summary>Copies and checks the lengths; an empty span stays empty.</summary>
    /// <exception cref="ArgumentException">There is not one length for each of the N rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A length is not in 0..T; the message names the row, the length and T.</exception>
    public ReadOnlySpan<int> Take(int T, int N, ReadOnlySpan<int> lengths)
    {
        if (lengths.IsEmpty)
            return default;
        if (lengths.Length != N)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"lengths has {lengths.Length} values, expected one for each of the N = {N} rows."),
                nameof(lengths));
        if (_copy.Length < N)
            _copy = new int[N];
        Span<int> copy = _copy.AsSpan(0, N);
        lengths.CopyTo(copy);
        for (int n = 0; n < N; n++)
        {
            if ((uint)copy[n] > (uint)T)
                throw new ArgumentOutOfRangeException(
                    nameof(lengths), copy[n], string.Create(CultureInfo.InvariantCulture, $"lengths[{n}] is {copy[n]}; a length lies between 0 and T = {T}."));
        }

        return copy;
    }
}
