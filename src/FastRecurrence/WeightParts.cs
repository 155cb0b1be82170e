namespace FastRecurrence;

/// <summary>Parts of a layer's weights: those that a backward pass shall leave out because they are frozen.</summary>
[Flags]
public enum WeightParts
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>W.</summary>
    InputWeights = 1,

    /// <summary>R.</summary>
    RecurrentWeights = 2,

    /// <summary>b.</summary>
    Bias = 4,

    /// <summary>Peephole weights.</summary>
    Peepholes = 8,

    /// <summary>W_p.</summary>
    Projection = 16,

    /// <summary>All that the layer has.</summary>
    All = InputWeights | RecurrentWeights | Bias | Peepholes | Projection,
}
