using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// What follows the recurrent product in the same kernel: the cell's own equations from the core, applied to one quad of
/// one row. A new cell is one more implementation, and its order of columns in <see cref="PackedWeights"/>.
/// </summary>
internal interface ICellEpilogue
{
    /// <summary>Hidden units in a quad: 1 where it holds a unit's gates, 4 where it holds units.</summary>
    static abstract int Units { get; }

    /// <summary>Whether c is read and written; such a cell has one unit in a quad.</summary>
    static abstract bool HasCell { get; }

    /// <summary>Activates the preactivations in place, advances c and returns the h of the quad's units, the first in X.</summary>
    static abstract Quad Step(ref Quad gates, ref float c, int activation);

    /// <summary>Writes the activated gates of one row, <c>[G, H]</c> from <paramref name="at"/> on.</summary>
    static abstract void StoreGates(Quad gates, ArrayView<float> destination, int at, int unit, int hiddenSize);
}

/// <summary>The core's LSTM equations on the device's arithmetic; the quad is i, f, g, o.</summary>
internal readonly struct LstmEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static bool HasCell => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Step(ref Quad gates, ref float c, int activation)
    {
        Quad h = Quad.Zero;
        h.X = LstmCell<float, DeviceLanes>.Step(ref gates.X, ref gates.Y, ref gates.Z, ref gates.W, ref c);
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Quad gates, ArrayView<float> destination, int at, int unit, int hiddenSize)
    {
        destination[at + unit] = gates.X;
        destination[at + unit + hiddenSize] = gates.Y;
        destination[at + unit + 2 * hiddenSize] = gates.Z;
        destination[at + unit + 3 * hiddenSize] = gates.W;
    }
}

/// <summary>The core's Elman equation on the device's arithmetic; the quad is four units.</summary>
internal readonly struct ElmanEpilogue : ICellEpilogue
{
    public static int Units => 4;

    public static bool HasCell => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Step(ref Quad gates, ref float c, int activation)
    {
        gates.X = ElmanCell<float, DeviceLanes>.Step(gates.X, (Activation)activation);
        gates.Y = ElmanCell<float, DeviceLanes>.Step(gates.Y, (Activation)activation);
        gates.Z = ElmanCell<float, DeviceLanes>.Step(gates.Z, (Activation)activation);
        gates.W = ElmanCell<float, DeviceLanes>.Step(gates.W, (Activation)activation);
        return gates;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Quad gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        Units4.Store(gates, destination, at + unit, hiddenSize - unit);
}

/// <summary>Up to four neighbouring floats of a row.</summary>
internal static class Units4
{
    /// <summary>Stores those of the four that are real units.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Quad values, ArrayView<float> destination, int at, int left)
    {
        destination[at] = values.X;
        if (left > 1)
            destination[at + 1] = values.Y;
        if (left > 2)
            destination[at + 2] = values.Z;
        if (left > 3)
            destination[at + 3] = values.W;
    }
}
