namespace FastRecurrence;

/// <summary>
/// How a layer's W and R are stored. Sums, state and gates are float32 in all of them. Narrower formats round the weights
/// (<see cref="RecurrentLayer.FormatError"/> tells by how much that moves h) and pay where a batch of one waits for weights.
/// </summary>
public enum WeightFormat
{
    /// <summary>As given.</summary>
    Float32,

    /// <summary>bfloat16, 8 significant bits: half the memory.</summary>
    Bfloat16,

    /// <summary>8-bit integers with a scale for every row of W and R: a quarter of the memory.</summary>
    Int8,
}
