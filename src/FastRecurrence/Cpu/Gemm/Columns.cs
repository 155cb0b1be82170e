namespace FastRecurrence.Cpu;

/// <summary>
/// Which vectors of a row of preactivations a product adds to. A row has <see cref="Stride"/> vectors; a panel has
/// <see cref="Count"/> of them for every k. All members are constants that the JIT folds.
/// </summary>
internal interface IColumns
{
    /// <summary>Vectors of a panel for one k, 2 to 4.</summary>
    static abstract int Count { get; }

    /// <summary>Vectors of a row of preactivations.</summary>
    static abstract int Stride { get; }

    /// <summary>Where the third vector of the panel lies in a row.</summary>
    static abstract int Third { get; }

    /// <summary>Where it lies in the panel.</summary>
    static virtual int ThirdInPanel => 2;

    /// <summary>A vector of the row that the product leaves as it is; −1 for none.</summary>
    static abstract int Kept { get; }

    /// <summary>Floats from one k of a panel to the next; 0 where nothing lies between the <see cref="Count"/> vectors of a k and those of the next.</summary>
    static abstract int Step { get; }
}

/// <summary>i, f, g, o of an LSTM, or four runs of units of a cell with one gate.</summary>
internal readonly struct FourColumns : IColumns
{
    public static int Count => 4;

    public static int Stride => 4;

    public static int Third => 2;

    public static int Kept => -1;

    public static int Step => 0;
}

/// <summary>Two runs of units: a cell with one gate that is too small for four.</summary>
internal readonly struct TwoColumns : IColumns
{
    public static int Count => 2;

    public static int Stride => 2;

    public static int Third => 0;

    public static int Kept => -1;

    public static int Step => 0;
}

/// <summary>A GRU's x·W: r, z and the candidate's input part; its recurrent part (fourth) keeps its bias.</summary>
internal readonly struct FirstThreeOfFourColumns : IColumns
{
    public static int Count => 3;

    public static int Stride => 4;

    public static int Third => 2;

    public static int Kept => 3;

    public static int Step => 0;
}

/// <summary>h·R of a GRU that is linear before its reset: r, z and the candidate's recurrent part; its input part (third) is kept.</summary>
internal readonly struct FirstTwoAndLastOfFourColumns : IColumns
{
    public static int Count => 3;

    public static int Stride => 4;

    public static int Third => 3;

    public static int Kept => 2;

    public static int Step => 0;
}

/// <summary>h·R of a GRU that resets h first: r and z; the candidate's input part (third) waits for the second product.</summary>
internal readonly struct FirstTwoOfFourColumns : IColumns
{
    public static int Count => 2;

    public static int Stride => 4;

    public static int Third => 2;

    public static int Kept => 2;

    public static int Step => 0;
}
