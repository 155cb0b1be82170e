namespace FastRecurrence.TestKit.Cases;

/// <summary>Outputs in double by name, and how far float32 strays from them by its own rounding, as <see cref="Rounding.Worst"/> has it.</summary>
internal sealed record ExactOutputs(IReadOnlyDictionary<string, NumberTensor> Values, double Deviation);

/// <summary>
/// A layer or a stack with its inputs and the outputs that somebody else computed. Reading the file, making the layer and
/// running it may each throw a typed refusal.
/// </summary>
internal abstract class ConformanceCase(string name)
{
    /// <summary>The name of the case.</summary>
    public string Name { get; private set; } = name;

    /// <summary>The same case, named as one of a folder.</summary>
    public ConformanceCase Within(string folder)
    {
        Name = $"{folder}/{Name}";
        return this;
    }

    /// <summary>Absolute tolerance against <see cref="Expected"/>; null where the file gives none.</summary>
    public double? Tolerance { get; protected init; }

    /// <summary>Whether the layer must be refused.</summary>
    public bool MustBeRefused { get; protected init; }

    /// <summary>The file's numbers by output name.</summary>
    public Dictionary<string, NumberTensor> Expected { get; } = [];

    /// <summary>The outputs in double, by the reference's plain loops, from the file's numbers as they are.</summary>
    public abstract ExactOutputs Exact();

    /// <summary>The outputs of a backend, through the library's public API.</summary>
    public abstract IReadOnlyDictionary<string, NumberTensor> Run(Backend backend);
}
