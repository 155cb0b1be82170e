using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// What follows the recurrent product in the same kernel: the cell's own equations from the core, applied to one float4 column of
/// one row. A new cell is one more implementation, and its order of columns in <see cref="PackedWeights"/>.
/// </summary>
internal interface ICellEpilogue
{
    /// <summary>Hidden units in a float4 column: 1 where it holds a unit's gates, 4 where it holds units.</summary>
    static abstract int Units { get; }

    /// <summary>G, gates of a unit in the gates output.</summary>
    static abstract int Gates { get; }

    /// <summary>Whether a value of the unit's own is read: c, or h of the step before. Such a cell has one unit in a float4 column.</summary>
    static abstract bool ReadsCarried { get; }

    /// <summary>Whether the new value is written back: c.</summary>
    static abstract bool WritesCarried { get; }

    /// <summary>Whether the activated float4 column goes back to where its preactivations were, for a second launch.</summary>
    static abstract bool KeepsColumns { get; }

    /// <summary>
    /// Advances the unit's own value and returns the h of the float4 column's units, the first in X; may leave activated gates in the float4 column.
    /// </summary>
    static abstract Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell);

    /// <summary>
    /// Writes the activated gates of one row, <c>[G, H]</c> from <paramref name="at"/> on, from what <see cref="Step"/> left in the float4 column.
    /// </summary>
    static abstract void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize);
}

/// <summary>
/// The core's LSTM equations on the device's arithmetic; the float4 column is i, f, g, o, and stays preactivations: the cell needs no gate by itself.
/// </summary>
internal readonly struct LstmEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 4;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => true;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        Float4 h = Float4.Zero;
        h.X = LstmCell<float, DeviceLanes>.Step(gates.X, gates.Y, gates.Z, gates.W, ref carried);
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize)
    {
        gates.X = Activations<float, DeviceLanes>.Sigmoid(gates.X);
        gates.Y = Activations<float, DeviceLanes>.Sigmoid(gates.Y);
        gates.Z = Activations<float, DeviceLanes>.Tanh(gates.Z);
        gates.W = Activations<float, DeviceLanes>.Sigmoid(gates.W);
        Gates4.Store(gates, destination, at + unit, hiddenSize);
    }
}

/// <summary>The core's Elman equation on the device's arithmetic; the float4 column is four units.</summary>
internal readonly struct ElmanEpilogue : ICellEpilogue
{
    public static int Units => 4;

    public static int Gates => 1;

    public static bool ReadsCarried => false;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        gates.X = ElmanCell<float, DeviceLanes>.Step(gates.X, (Activation)cell.Candidate.Kind);
        gates.Y = ElmanCell<float, DeviceLanes>.Step(gates.Y, (Activation)cell.Candidate.Kind);
        gates.Z = ElmanCell<float, DeviceLanes>.Step(gates.Z, (Activation)cell.Candidate.Kind);
        gates.W = ElmanCell<float, DeviceLanes>.Step(gates.W, (Activation)cell.Candidate.Kind);
        return gates;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        Units4.Store(gates, destination, at + unit, hiddenSize - unit);
}

/// <summary>The core's GRU equations, linear before the reset; the float4 column is r, z, the candidate's input part and its recurrent part.</summary>
internal readonly struct GruEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 3;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        carried = GruCell<float, DeviceLanes>.Step(ref gates.X, ref gates.Y, ref gates.Z, gates.W, carried);
        Float4 h = Float4.Zero;
        h.X = carried;
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize)
    {
        destination[at + unit] = gates.X;
        destination[at + unit + hiddenSize] = gates.Y;
        destination[at + unit + 2 * hiddenSize] = gates.Z;
    }
}

/// <summary>A unit's four gates, H apart.</summary>
internal static class Gates4
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float4 values, ArrayView<float> destination, int at, int hiddenSize)
    {
        destination[at] = values.X;
        destination[at + hiddenSize] = values.Y;
        destination[at + 2 * hiddenSize] = values.Z;
        destination[at + 3 * hiddenSize] = values.W;
    }
}

/// <summary>Up to four neighbouring floats of a row.</summary>
internal static class Units4
{
    /// <summary>Stores those of the four that are real units.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float4 values, ArrayView<float> destination, int at, int left)
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
