namespace FastRecurrence;

/// <summary>Weights of a layer, for a backward pass that shall not compute the gradients of all: those of frozen weights.</summary>
[Flags]
public enum GradientParts
{
    /// <summary>None: gradients of x, h and c alone.</summary>
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

    /// <summary>Everything that the layer has.</summary>
    All = InputWeights | RecurrentWeights | Bias | Peepholes | Projection,
}
