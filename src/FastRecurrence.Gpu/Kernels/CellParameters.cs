using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What a cell needs beside the preactivations. The default cells read none of it but the sizes.</summary>
internal struct CellParameters
{
    /// <summary>What is configured.</summary>
    public CellSettings Settings;

    /// <summary>H and G; whether there are peepholes.</summary>
    public int HiddenSize, GateCount, HasPeepholes;

    /// <summary>Peephole weights of i, f, o, <c>[3, H]</c>.</summary>
    public ArrayView<float> Peepholes;

    /// <summary>The parameters of a shape.</summary>
    public static CellParameters From(LayerShape shape, ArrayView<float> peepholes) => new()
    {
        Settings = CellSettings.From(shape),
        HiddenSize = shape.HiddenSize,
        GateCount = shape.GateCount,
        HasPeepholes = shape.Peepholes ? 1 : 0,
        Peepholes = peepholes,
    };

    /// <summary>Those of a unit; zeros without. A cell that does not use them leaves no load behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Peepholes<float> PeepholesOf(int unit)
    {
        Peepholes<float> peepholes = default;
        if (HasPeepholes != 0)
        {
            peepholes.Input = Peepholes[unit];
            peepholes.Forget = Peepholes[unit + HiddenSize];
            peepholes.Output = Peepholes[unit + 2 * HiddenSize];
        }

        return peepholes;
    }
}
