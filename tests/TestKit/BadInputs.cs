namespace FastRecurrence.TestKit;

/// <summary>A bad input and what must become of it.</summary>
/// <param name="Number">In the catalogue.</param>
/// <param name="Input">What is wrong.</param>
/// <param name="Do">The call; it asserts by itself where the input is to be taken.</param>
/// <param name="Type">The exception; null where the input is to be taken.</param>
/// <param name="Says">What the message must contain.</param>
internal sealed record BadCall(int Number, string Input, Action Do, Type? Type = null, params string[] Says)
{
    public override string ToString() => $"{Number} {Input}";
}

/// <summary>The catalogue of bad inputs, shared out: what the tool's tests hold is not the library's.</summary>
internal static class BadInputCatalogue
{
    public const int Size = 116;

    /// <summary>The numbers that the tests of the tool and of the samples hold; those tests check that they hold exactly these.</summary>
    public static IReadOnlyList<int> OfTheTool { get; } = [42, 45, 55, 56, 57, 58, 60, 64, 65, 66, 67, 69, 70, 71];
}
