namespace FastRecurrence;

/// <summary>The recurrence a layer computes. Equations: docs/equations.md.</summary>
public enum CellKind
{
    /// <summary>Elman cell (simple RNN, ONNX <c>RNN</c>): <c>h' = f(W x + R h + b)</c>. One gate block.</summary>
    Elman,

    /// <summary>LSTM with gate blocks in the order <c>i, f, g, o</c>: <c>c' = f∘c + i∘g</c>, <c>h' = o∘tanh(c')</c>.</summary>
    Lstm,

    /// <summary>GRU with gate blocks in the order <c>r, z, n</c>: <c>h' = (1−z)∘n + z∘h</c>.</summary>
    Gru,

    /// <summary>A cell that is defined outside the core, such as in a test.</summary>
    Custom,

    /// <summary>No recurrence: <c>y = f(W x + b)</c>, a dense (output) layer. One gate block.</summary>
    Dense,
}
