using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Threading;

/// <summary>
/// How to wait for another thread: spin while it is likely on its way, then yield, so that it gets a processor when there
/// are too few. Spinning without end lets the kernel keep both threads on one processor, for milliseconds at each barrier.
/// </summary>
internal struct SpinThenYield
{
    private const int Spins = 2000, Yields = 3000;
    private int _waits;

    /// <summary>Whether spinning was in vain: true once.</summary>
    public readonly bool HasJustBegunToYield => _waits == Spins + 1;

    /// <summary>Waits a little; false once it has waited so long that sleeping is better.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Once()
    {
        if (_waits++ < Spins)
        {
            if (X86Base.IsSupported)
                X86Base.Pause();
            else
                Thread.SpinWait(1);
            return true;
        }

        Thread.Yield();
        return _waits < Spins + Yields;
    }
}
