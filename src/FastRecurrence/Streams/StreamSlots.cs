using System.Numerics;
using System.Runtime.CompilerServices;

namespace FastRecurrence.Streams;

/// <summary>What is known of a stream's place.</summary>
internal struct StreamSlot
{
    /// <summary>Where its state lies: a slab, or a state of its own. Null while no stream is here.</summary>
    public object? Home;

    /// <summary>The call in progress that has the stream; 0 for none.</summary>
    public long Call;

    /// <summary>Odd while a stream is here.</summary>
    public uint Generation;

    /// <summary>The next free place.</summary>
    public int NextFree;
}

/// <summary>A table that grows without moving what is there: pieces of 64, 64, 128, 256, … places.</summary>
internal sealed class StreamSlots
{
    private const int FirstBits = 6;
    private readonly StreamSlot[]?[] _pieces = new StreamSlot[32 - FirstBits][];

    public ref StreamSlot this[int slot]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            int piece = Math.Max(BitOperations.Log2((uint)slot) - FirstBits + 1, 0);
            return ref _pieces[piece]![piece == 0 ? slot : slot - (1 << (piece + FirstBits - 1))];
        }
    }

    /// <summary>Makes room for so many; one thread at a time, while others use the places that were there before.</summary>
    public void Reserve(int count)
    {
        for (int piece = 0; piece < _pieces.Length; piece++)
        {
            int first = piece == 0 ? 0 : 1 << (piece + FirstBits - 1);
            if (first >= count)
                return;
            _pieces[piece] ??= new StreamSlot[piece == 0 ? 1 << FirstBits : first];
        }
    }
}
