namespace FastRecurrence.TestKit.Cases;

/// <summary>
/// A layer or a stack with its inputs and the outputs that somebody else computed. Reading the file, making the layer and
/// running it may each throw a typed refusal.
/// </summary>
internal abstract class ConformanceCase(string name)
{
    /// <summary>The name of the case.</summary>
    public string Name { get; } = name;

    /// <summary>Absolute tolerance against <see cref="Expected"/>.</summary>
    public double Tolerance { get; protected init; } = 1e-5;

    /// <summary>Whether the layer must be refused.</summary>
    public bool MustBeRefused { get; protected init; }

    /// <summary>The file's numbers by output name.</summary>
    public Dictionary<string, NumberTensor> Expected { get; } = [];

    /// <summary>The outputs in double, by the reference's plain loops, from the file's numbers as they are.</summary>
    public abstract IReadOnlyDictionary<string, NumberTensor> Exact();

    /// <summary>The outputs of a backend, through the library's door.</summary>
    public abstract IReadOnlyDictionary<string, NumberTensor> Run(Backend backend);
}
