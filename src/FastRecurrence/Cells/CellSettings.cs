namespace FastRecurrence.Cells;

/// <summary>An activation as kernels get it: numbers alone, so that it can be an argument of device code.</summary>
internal struct ActivationSettings
{
    /// <summary>An <see cref="Activation"/>.</summary>
    public int Kind;
    public float Alpha, Beta;

    public static ActivationSettings From(ActivationFunction function) =>
        new() { Kind = (int)function.Kind, Alpha = function.Alpha, Beta = function.Beta };
}

/// <summary>What a configurable cell needs beside its preactivations; a default cell reads none of it.</summary>
internal struct CellSettings
{
    public ActivationSettings Gate, Candidate, Cell;

    /// <summary>Preactivations are held within ±Clip; +∞ clips nothing.</summary>
    public float Clip;

    public static CellSettings From(LayerShape shape) => new()
    {
        Gate = ActivationSettings.From(shape.GateActivation),
        Candidate = ActivationSettings.From(shape.CandidateActivation),
        Cell = ActivationSettings.From(shape.CellActivation),
        Clip = shape.Clip,
    };
}

/// <summary>Peephole weights of one unit, or of a vector of units: read only where there are peepholes.</summary>
internal struct Peepholes<V>
    where V : struct
{
    public V Input, Forget, Output;
}
