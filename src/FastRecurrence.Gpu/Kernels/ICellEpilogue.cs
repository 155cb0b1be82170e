using System.Runtime.CompilerServices;
using FastRecurrence.Cells;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What follows the recurrent GEMM in the same kernel: the cell's own equations from the core, applied to one unit of one row.</summary>
internal interface ICellEpilogue<TGates>
    where TGates : unmanaged
{
    /// <summary>Whether c is read and written.</summary>
    static abstract bool HasCell { get; }

    /// <summary>Activates the preactivations in place, advances c and returns h.</summary>
    static abstract float Step(ref TGates gates, ref float c, int activation);
}

/// <summary>The core's LSTM equations on the device's arithmetic.</summary>
internal readonly struct LstmEpilogue : ICellEpilogue<Float4>
{
    public static bool HasCell => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(ref Float4 gates, ref float c, int activation) =>
        LstmCell<float, DeviceLanes>.Step(ref gates.X, ref gates.Y, ref gates.Z, ref gates.W, ref c);
}

/// <summary>The core's Elman equation on the device's arithmetic.</summary>
internal readonly struct ElmanEpilogue : ICellEpilogue<Float1>
{
    public static bool HasCell => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(ref Float1 gates, ref float c, int activation)
    {
        gates.X = ElmanCell<float, DeviceLanes>.Step(gates.X, (Activation)activation);
        return gates.X;
    }
}
