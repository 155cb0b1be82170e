namespace FastRecurrence;

/// <summary>
/// The rows of a batch sorted by length, longest first, so that rows leave the batch as they end and no kernel ever sees
/// padding; and where each of them lies in the caller's memory, whatever its layout, direction and padding. One per state;
/// its memory grows at the first call and is kept.
/// </summary>
internal sealed class SequenceOrder
{
    private long[] _keys = [];
    private int[] _order = [], _lengths = [], _places = [], _rowsPerStep = [];
    private int _count;

    /// <summary>Steps of the longest row.</summary>
    public int Steps { get; private set; }

    /// <summary>Whether the rows lie in this order already.</summary>
    public bool IsIdentity { get; private set; }

    /// <summary>The row at each place of the order.</summary>
    public ReadOnlySpan<int> Order => _order.AsSpan(0, _count);

    /// <summary>Steps of the row at each place of the order, descending.</summary>
    public ReadOnlySpan<int> Lengths => _lengths.AsSpan(0, _count);

    /// <summary>Where each row's first step, in the order in which it runs, lies in the caller's memory, in rows.</summary>
    public ReadOnlySpan<int> Places => _places.AsSpan(0, _count);

    /// <summary>Rows from a step, in the order in which it runs, to the next.</summary>
    public int PlaceStep { get; private set; }

    /// <summary>How many rows every step has.</summary>
    public ReadOnlySpan<int> RowsPerStep => _rowsPerStep.AsSpan(0, Steps);

    /// <summary>Sorts a batch; rows of equal length stay in the order in which they came.</summary>
    public void Arrange(int T, int N, in SequenceOptions options)
    {
        if (_order.Length < N)
            (_keys, _order, _lengths, _places) = (new long[N], new int[N], new int[N], new int[N]);
        _count = N;
        IsIdentity = true;
        for (int n = 0; n < N; n++)
        {
            int length = options.Lengths.IsEmpty ? T : options.Lengths[n];
            _keys[n] = ((long)(T - length) << 32) | (uint)n;
            IsIdentity &= n == 0 || _keys[n] > _keys[n - 1];
        }

        if (!IsIdentity)
            Array.Sort(_keys, 0, N);
        bool timeMajor = options.Layout == SequenceLayout.TimeMajor, reverse = options.Direction == Direction.Reverse;
        PlaceStep = (timeMajor ? N : 1) * (reverse ? -1 : 1);
        for (int i = 0; i < N; i++)
        {
            int n = _order[i] = (int)_keys[i], length = _lengths[i] = T - (int)(_keys[i] >> 32);
            int t = (options.Padding == Padding.Left ? T - length : 0) + (reverse ? length - 1 : 0);
            _places[i] = timeMajor ? t * N + n : n * T + t;
        }

        CountRows();
    }

    /// <summary>A sequence's spans with the rows in this order.</summary>
    public SortedSequence Sorted(scoped in SortedSequence spans) => spans with
    {
        Steps = Steps,
        RowsPerStep = RowsPerStep,
        Places = Places,
        PlaceStep = PlaceStep,
        Order = Order,
    };

    /// <summary>
    /// Zeros where <paramref name="rows"/>, each <paramref name="width"/> wide and a stride from the next, hold padding; nothing else is written.
    /// </summary>
    public static void ClearPadding(int T, int N, in SequenceOptions options, Span<float> rows, int width, int stride)
    {
        ReadOnlySpan<int> lengths = options.Lengths;
        bool left = options.Padding == Padding.Left;
        if (lengths.IsEmpty || rows.IsEmpty)
            return;
        if (stride != width)
        {
            ClearPaddingRowByRow(T, N, options, rows, width, stride);
            return;
        }

        if (options.Layout == SequenceLayout.BatchMajor)
        {
            for (int n = 0; n < N; n++)
                rows.Slice((n * T + (left ? 0 : lengths[n])) * width, (T - lengths[n]) * width).Clear();
            return;
        }

        for (int t = 0; t < T; t++)
        {
            int least = left ? T - t : t + 1; // the length from which a row is there at t
            for (int n = 0; n < N;)
            {
                int first = n;
                while (n < N && lengths[n] < least)
                    n++;
                if (n > first)
                    rows.Slice((t * N + first) * width, (n - first) * width).Clear();
                else
                    n++;
            }
        }
    }

    private static void ClearPaddingRowByRow(int T, int N, in SequenceOptions options, Span<float> rows, int width, int stride)
    {
        for (int n = 0; n < N; n++)
        {
            int length = options.Lengths[n], first = options.Padding == Padding.Left ? 0 : length;
            for (int t = first; t < first + T - length; t++)
                rows.Slice((options.Layout == SequenceLayout.BatchMajor ? n * T + t : t * N + n) * stride, width).Clear();
        }
    }

    private void CountRows()
    {
        Steps = _lengths[0];
        if (_rowsPerStep.Length < Steps)
            _rowsPerStep = new int[Steps];
        int active = _count;
        for (int step = 0; step < Steps; step++)
        {
            while (_lengths[active - 1] <= step)
                active--;
            _rowsPerStep[step] = active;
        }
    }
}
