namespace FastRecurrence;

/// <summary>
/// How <see cref="RecurrentStack.Run(StackState, int, ReadOnlySpan{float}, Span{float}, in StackOptions)"/> reads a batch. The default is dense and
/// time-major.
/// </summary>
public readonly ref struct StackOptions
{
    /// <summary>
    /// Steps of every row, <c>[N]</c>, each from 0 to T, in any order; empty when all have T. x in the padding is never
    /// read; outputs there are 0 in every layer.
    /// </summary>
    public ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>Where shorter rows have their padding.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such padding.</exception>
    public Padding Padding
    {
        get;
        init => field = Defined.Require(value, nameof(Padding));
    }

    /// <summary>The layout of the input and the output; states stay <c>[N, H]</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layout.</exception>
    public SequenceLayout Layout
    {
        get;
        init => field = Defined.Require(value, nameof(Layout));
    }

    /// <summary>
    /// x of the first layer as one-hot rows: for each row the index of the one feature that is 1, laid out as x without its last axis; x itself is then
    /// empty. As <see cref="SequenceOptions.OneHotInput"/>.
    /// </summary>
    public ReadOnlySpan<int> OneHotInput { get; init; }
}
