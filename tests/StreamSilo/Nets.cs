namespace FastRecurrence.StreamSilo;

/// <summary>The nets of the tests; the same weights in every process.</summary>
internal static class Nets
{
    /// <summary>Two layers, so that a state has more than one part.</summary>
    public static RecurrentStack Small(int seed = 1) => new(Backend.Simd,
        StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(inputSize: 6, hiddenSize: 20), seed)),
        StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(inputSize: 20, hiddenSize: 9), seed + 1)));
}
