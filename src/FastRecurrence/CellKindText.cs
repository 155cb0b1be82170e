namespace FastRecurrence;

/// <summary>A cell's name in a sentence.</summary>
internal static class CellKindText
{
    /// <summary><c>an LSTM</c>, <c>a GRU</c>, <c>an Elman layer</c>.</summary>
    public static string WithArticle(this CellKind cell) => cell switch
    {
        CellKind.Lstm => "an LSTM",
        CellKind.Gru => "a GRU",
        _ => "an Elman layer",
    };
}
