using System.Runtime.InteropServices;

namespace FastRecurrence;

/// <summary>A 64-bit FNV-1a hash: enough to notice another model or a damaged byte, no protection against malice.</summary>
internal struct Fingerprint
{
    private const ulong Prime = 1099511628211;

    /// <summary>The hash of what was added.</summary>
    public ulong Value { get; private set; }

    /// <summary>The hash of nothing.</summary>
    public static Fingerprint Start() => new() { Value = 14695981039346656037 };

    public void Add(ReadOnlySpan<byte> bytes)
    {
        ulong hash = Value;
        foreach (byte b in bytes)
            hash = (hash ^ b) * Prime;
        Value = hash;
    }

    public void Add(string text) => Add(MemoryMarshal.AsBytes(text.AsSpan()));

    public void Add(LayerWeights weights)
    {
        Add(weights.Shape.ToString());
        Add(weights.InputWeights);
        Add(weights.RecurrentWeights);
        Add(weights.Bias);
        Add(weights.Peepholes);
        Add(weights.Projection);
    }

    // A word at a time: weights are large.
    private void Add(ReadOnlySpan<float> values)
    {
        ulong hash = Value;
        foreach (uint word in MemoryMarshal.Cast<float, uint>(values))
            hash = (hash ^ word) * Prime;
        Value = hash;
    }
}
