namespace FastRecurrence.Tests.Faults;

/// <summary>How a batch is walked, drawn at random.</summary>
internal sealed class Way
{
    private readonly int _t, _n;
    private readonly int[] _lengths;
    private readonly Direction _direction;
    private readonly Padding _padding;
    private readonly SequenceLayout _layout;

    public Way(Random random, int T, int N)
    {
        (_t, _n) = (T, N);
        _lengths = N == 0 || random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, N).Select(_ => random.Next(T + 1))];
        _direction = random.Next(3) == 0 ? Direction.Reverse : Direction.Forward;
        _padding = random.Next(3) == 0 ? Padding.Left : Padding.Right;
        _layout = random.Next(3) == 0 ? SequenceLayout.BatchMajor : SequenceLayout.TimeMajor;
    }

    /// <summary>Whether it needs no options.</summary>
    public bool IsPlain => _lengths.Length == 0 && _direction == Direction.Forward && _layout == SequenceLayout.TimeMajor;

    public int Length(int row) => _lengths.Length == 0 ? _t : _lengths[row];

    /// <summary>Where a row's s-th walked step lies, in rows.</summary>
    public int Row(int row, int s)
    {
        int length = Length(row), t = (_padding == Padding.Left ? _t - length : 0) + (_direction == Direction.Reverse ? length - 1 - s : s);
        return _layout == SequenceLayout.TimeMajor ? t * _n + row : row * _t + t;
    }

    public SequenceOptions Options(float[] gates, float[] cells) =>
        new() { Lengths = _lengths, Direction = _direction, Padding = _padding, Layout = _layout, Gates = gates, Cells = cells };

    public StackOptions StackOptions() => new() { Lengths = _lengths, Padding = _padding, Layout = _layout };

    public override string ToString() => $"lengths [{string.Join(' ', _lengths)}] {_direction} {_padding} {_layout}";
}
