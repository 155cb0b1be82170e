namespace FastRecurrence.Tests.BadInputs;

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
