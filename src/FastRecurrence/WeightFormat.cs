namespace FastRecurrence;

/// <summary>
/// How a layer's W and R are stored. Sums, state and gates are float32 in all of them. Narrower formats round the weights
/// (<see cref="RecurrentLayer.FormatError"/> tells by how much that moves h) and pay where a batch of one waits for weights.
/// </summary>
/// <remarks>
/// b, peephole weights, a projection and, of a GRU that resets before its product, the candidate's R stay float32 in every format. On the CPU a call of
/// several steps decodes one panel of W at a time into scratch of the state, I × 4 vectors of float32 for each worker. A GPU stores R alone in the
/// narrow format: W is rounded like R and stored as float32.
/// </remarks>
public enum WeightFormat
{
    /// <summary>As given: 4 bytes a weight.</summary>
    Float32,

    /// <summary>
    /// bfloat16, 8 significant bits: 2 bytes a weight, an odd last column of a row counted as two. Finite weights too large for it, from 3.39e38 on,
    /// become its largest finite number; NaN and infinities stay.
    /// </summary>
    Bfloat16,

    /// <summary>
    /// 8-bit integers with a float32 scale for every row of W and R: 1 byte a weight, the columns of a row rounded up to four. NaN and infinities are refused.
    /// </summary>
    Int8,
}
