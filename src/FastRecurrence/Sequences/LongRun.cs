using System.Buffers;

namespace FastRecurrence;

/// <summary>A dense sequence in blocks of steps: what a layer and a stack share.</summary>
internal static class LongRun
{
    /// <summary>Some milliseconds of work on a processor, and floats that a cache holds.</summary>
    private const double FlopsOfABlock = 1e8, FloatsOfABlock = 65_536;

    /// <summary>Steps of a block, by their work and, where outputs of a block are kept, by the floats of a step.</summary>
    public static int Steps(double flops, int floats = 0) =>
        (int)Math.Clamp(Math.Min(FlopsOfABlock / Math.Max(flops, 1), FloatsOfABlock / Math.Max(floats, 1)), 1, 1 << 16);

    /// <summary>Checks T and x.</summary>
    /// <returns>Floats of a step of x.</returns>
    public static int Require(int sequenceLength, int batchSize, int inputSize, ReadOnlySpan<float> input)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        Extents.Require(nameof(input), input.Length, "T×N×I", sequenceLength, batchSize, inputSize);
        return batchSize * inputSize;
    }

    /// <summary>Checks where the last step goes.</summary>
    public static void RequireLast(int batchSize, int outputSize, ReadOnlySpan<float> input, ReadOnlySpan<float> last)
    {
        Extents.Require(nameof(last), last.Length, "N×H", batchSize, outputSize);
        if (input.Overlaps(last))
            throw new ArgumentException("last overlaps input: the layer still reads input while it writes. Use separate memory.", nameof(last));
    }

    /// <summary>Pooled memory for outputs that nobody wants.</summary>
    public readonly ref struct Scratch(int floats)
    {
        private readonly float[] _rented = ArrayPool<float>.Shared.Rent(floats);

        public Span<float> Of(int count) => _rented.AsSpan(0, count);

        public void Dispose() => ArrayPool<float>.Shared.Return(_rented);
    }
}
