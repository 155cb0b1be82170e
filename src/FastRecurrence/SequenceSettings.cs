namespace FastRecurrence;

/// <summary>
/// What <see cref="SequenceOptions"/> and <see cref="StackOptions"/> say, as an object over arrays: for languages that cannot make those, such as
/// Visual Basic, and for settings that are kept. Not copied: a call reads the arrays as they are then. Not to be changed while a call reads it.
/// </summary>
public sealed class SequenceSettings
{
    /// <summary>Steps of every row, <c>[N]</c>, each from 0 to T; null when all have T. As <see cref="SequenceOptions.Lengths"/>.</summary>
    public int[]? Lengths { get; set; }

    /// <summary>The order in which a layer runs. A stack refuses all but the default: its layers have directions of their own.</summary>
    public Direction Direction { get; set; }

    /// <summary>Where shorter rows have their padding.</summary>
    public Padding Padding { get; set; }

    /// <summary>The layout of the input, the output and the optional outputs.</summary>
    public SequenceLayout Layout { get; set; }

    /// <summary>Null, or <c>[T, N, G, H]</c> for the activated gates of every step. A stack refuses it. As <see cref="SequenceOptions.Gates"/>.</summary>
    public float[]? Gates { get; set; }

    /// <summary>Null, or <c>[T, N, H]</c> for c of every step. A stack refuses it. As <see cref="SequenceOptions.Cells"/>.</summary>
    public float[]? Cells { get; set; }

    /// <summary>Null, or the indices that stand for a one-hot x. As <see cref="SequenceOptions.OneHotInput"/>.</summary>
    public int[]? OneHotInput { get; set; }

    /// <exception cref="ArgumentOutOfRangeException">An enum has a value that it does not define.</exception>
    internal SequenceOptions ForLayer() => new()
    {
        Lengths = Lengths,
        Direction = Direction,
        Padding = Padding,
        Layout = Layout,
        Gates = Gates,
        Cells = Cells,
        OneHotInput = OneHotInput,
    };

    /// <exception cref="ArgumentException">A setting is a layer's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An enum has a value that it does not define.</exception>
    internal StackOptions ForStack()
    {
        if (Direction != Direction.Forward || Gates is not null || Cells is not null)
        {
            string what = Direction != Direction.Forward ? nameof(Direction) : Gates is not null ? nameof(Gates) : nameof(Cells);
            throw new ArgumentException($"{what} is a setting of a single layer; a stack's layers have their own directions and hand out h alone.", what);
        }

        return new StackOptions { Lengths = Lengths, Padding = Padding, Layout = Layout, OneHotInput = OneHotInput };
    }
}
