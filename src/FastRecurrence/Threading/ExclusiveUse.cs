using System.Diagnostics.CodeAnalysis;

namespace FastRecurrence.Threading;

/// <summary>
/// One call at a time, and none after disposal: the guard of states and tapes. Nobody waits; a second caller at the same time is refused, so that a mistake is
/// told instead of corrupting memory. A field of its owner, never copied.
/// </summary>
internal struct ExclusiveUse
{
    private const int Free = 0, InUse = 1, Disposed = 2;
    private int _use;

    /// <summary>Whether the owner was disposed.</summary>
    public readonly bool IsDisposed => Volatile.Read(in _use) == Disposed;

    /// <summary>Takes the owner for one call.</summary>
    /// <param name="owner">Its type's name.</param>
    /// <param name="advice">The sentence behind "is in use by another call": whom it belongs to, and what to do.</param>
    /// <exception cref="InvalidOperationException">Another call is using it.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    [UnscopedRef]
    public Lease Acquire(string owner, string advice) => Interlocked.CompareExchange(ref _use, InUse, Free) switch
    {
        Free => new Lease(ref _use),
        InUse => throw Busy(owner, advice),
        _ => throw new ObjectDisposedException(owner),
    };

    /// <summary>Disposes the owner; false where it was disposed before, also by another thread at the same time.</summary>
    /// <param name="owner">Its type's name.</param>
    /// <param name="advice">As for <see cref="Acquire"/>.</param>
    /// <exception cref="InvalidOperationException">A call is using it.</exception>
    public bool TryDispose(string owner, string advice) => Interlocked.CompareExchange(ref _use, Disposed, Free) switch
    {
        Free => true,
        InUse => throw Busy(owner, advice),
        _ => false,
    };

    private static InvalidOperationException Busy(string owner, string advice) => new($"This {owner} is in use by another call. {advice}");

    /// <summary>The right to use the owner, given back on Dispose.</summary>
    internal readonly ref struct Lease(ref int use)
    {
        private readonly ref int _use = ref use;

        public void Dispose() => Volatile.Write(ref _use, Free);
    }
}
