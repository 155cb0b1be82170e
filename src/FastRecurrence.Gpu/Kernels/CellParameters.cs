using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>An activation as kernels get it.</summary>
internal struct DeviceActivation
{
    public int Kind;
    public float Alpha, Beta;

    public static DeviceActivation From(ActivationFunction function) =>
        new() { Kind = (int)function.Kind, Alpha = function.Alpha, Beta = function.Beta };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Apply(DeviceActivation function, float x) =>
        Activations<float, DeviceLanes>.Apply(x, (Activation)function.Kind, function.Alpha, function.Beta);
}

/// <summary>What a cell's epilogue needs beside the preactivations. The textbook cells use at most the candidate's kind.</summary>
internal struct CellParameters
{
    public DeviceActivation Gate, Candidate, Cell;
    public float Clip;
    public int HiddenSize, Coupled, HasPeepholes;

    /// <summary>Peephole weights of i, f, o, <c>[3, H]</c>.</summary>
    public ArrayView<float> Peepholes;

    /// <summary>The parameters of a shape.</summary>
    public static CellParameters From(LayerShape shape, ArrayView<float> peepholes) => new()
    {
        Gate = DeviceActivation.From(shape.GateActivation),
        Candidate = DeviceActivation.From(shape.CandidateActivation),
        Cell = DeviceActivation.From(shape.CellActivation),
        Clip = shape.Clip,
        HiddenSize = shape.HiddenSize,
        Coupled = shape.CoupledInputForget ? 1 : 0,
        HasPeepholes = shape.Peepholes ? 1 : 0,
        Peepholes = peepholes,
    };

    /// <summary>Clips a preactivation and applies a function; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Activate(CellParameters cell, DeviceActivation function, float x) =>
        DeviceActivation.Apply(function, DeviceLanes.AtLeast(DeviceLanes.AtMost(x, cell.Clip), -cell.Clip));
}
