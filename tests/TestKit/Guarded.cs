namespace FastRecurrence.TestKit;

/// <summary>An output filled with NaN between two runs of canary bytes: what is not written, or written outside, shows.</summary>
public sealed class Guarded
{
    private const int Canaries = 16;
    private readonly float[] _memory;
    private readonly int _offset;

    public Guarded(int length, int offset = 0)
    {
        _offset = Canaries + offset;
        _memory = new float[length + 2 * Canaries + offset];
        Array.Fill(_memory, BitConverter.UInt32BitsToSingle(0xFFFFFFFF));
        Length = length;
    }

    public int Length { get; }

    public Span<float> Span => _memory.AsSpan(_offset, Length);

    /// <exception cref="InvalidOperationException">A place was not written, or one outside was.</exception>
    public void AssertWrittenInside(object problem)
    {
        for (int i = 0; i < _memory.Length; i++)
        {
            bool inside = i >= _offset && i < _offset + Length;
            uint bits = BitConverter.SingleToUInt32Bits(_memory[i]);
            if (inside && bits == 0xFFFFFFFF)
                throw new InvalidOperationException($"{problem}: output[{i - _offset}] was not written.");
            if (!inside && bits != 0xFFFFFFFF)
                throw new InvalidOperationException($"{problem}: wrote {i - _offset}, outside [0, {Length}).");
        }
    }
}
