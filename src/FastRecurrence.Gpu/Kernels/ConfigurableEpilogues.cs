using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>An LSTM with any of its variations: peepholes, coupled gates, clipped preactivations, other activations.</summary>
internal readonly struct ConfigurableLstmEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 4;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => true;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        if (cell.HasPeepholes != 0)
        {
            gates.X = LstmCell<float, DeviceLanes>.Peep(gates.X, cell.Peepholes[unit], carried);
            gates.Y = LstmCell<float, DeviceLanes>.Peep(gates.Y, cell.Peepholes[unit + cell.HiddenSize], carried);
        }

        gates.X = CellParameters.Activate(cell, cell.Gate, gates.X);
        gates.Y = cell.Coupled != 0 ? LstmCell<float, DeviceLanes>.Coupled(gates.X) : CellParameters.Activate(cell, cell.Gate, gates.Y);
        gates.Z = CellParameters.Activate(cell, cell.Candidate, gates.Z);
        carried = LstmCell<float, DeviceLanes>.CellOfGates(gates.X, gates.Y, gates.Z, carried);
        if (cell.HasPeepholes != 0)
            gates.W = LstmCell<float, DeviceLanes>.Peep(gates.W, cell.Peepholes[unit + 2 * cell.HiddenSize], carried);
        gates.W = CellParameters.Activate(cell, cell.Gate, gates.W);
        Float4 h = Float4.Zero;
        h.X = LstmCell<float, DeviceLanes>.HiddenOfGates(gates.W, DeviceActivation.Apply(cell.Cell, carried));
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        Gates4.Store(gates, destination, at + unit, hiddenSize);
}

/// <summary>An Elman layer with any activation, clipped.</summary>
internal readonly struct ConfigurableElmanEpilogue : ICellEpilogue
{
    public static int Units => 4;

    public static int Gates => 1;

    public static bool ReadsCarried => false;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        gates.X = CellParameters.Activate(cell, cell.Candidate, gates.X);
        gates.Y = CellParameters.Activate(cell, cell.Candidate, gates.Y);
        gates.Z = CellParameters.Activate(cell, cell.Candidate, gates.Z);
        gates.W = CellParameters.Activate(cell, cell.Candidate, gates.W);
        return gates;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        ElmanEpilogue.StoreGates(gates, destination, at, unit, hiddenSize);
}

/// <summary>A GRU, linear before the reset, with any activations, clipped.</summary>
internal readonly struct ConfigurableGruEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 3;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        gates.X = CellParameters.Activate(cell, cell.Gate, gates.X);
        gates.Y = CellParameters.Activate(cell, cell.Gate, gates.Y);
        gates.Z = CellParameters.Activate(cell, cell.Candidate, GruCell<float, DeviceLanes>.Candidate(gates.X, gates.Z, gates.W));
        carried = GruCell<float, DeviceLanes>.Hidden(gates.Y, gates.Z, carried);
        Float4 h = Float4.Zero;
        h.X = carried;
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        GruEpilogue.StoreGates(gates, destination, at, unit, hiddenSize);
}

/// <summary>
/// The first of two launches of a GRU that resets before its product: r and z, which stay in the float4 column, and r∘h as the "h" of the second.
/// </summary>
internal readonly struct GruResetEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 3;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        gates.X = CellParameters.Activate(cell, cell.Gate, gates.X);
        gates.Y = CellParameters.Activate(cell, cell.Gate, gates.Y);
        Float4 reset = Float4.Zero;
        reset.X = GruCell<float, DeviceLanes>.Reset(gates.X, carried);
        return reset;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        GruEpilogue.StoreGates(gates, destination, at, unit, hiddenSize);
}

/// <summary>The second launch: the float4 column comes with r and z activated and the candidate's preactivation complete.</summary>
internal readonly struct GruCandidateEpilogue : ICellEpilogue
{
    public static int Units => 1;

    public static int Gates => 3;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => false;

    public static bool KeepsColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        gates.Z = CellParameters.Activate(cell, cell.Candidate, gates.Z);
        Float4 h = Float4.Zero;
        h.X = GruCell<float, DeviceLanes>.Hidden(gates.Y, gates.Z, carried);
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, int hiddenSize) =>
        GruEpilogue.StoreGates(gates, destination, at, unit, hiddenSize);
}
