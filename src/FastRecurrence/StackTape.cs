using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// What a run through a <see cref="TrainingStack"/> keeps for its backward pass: a <see cref="TrainingTape"/> for each layer and direction, and what lies
/// between the layers. Used as one.
/// </summary>
public sealed class StackTape : IDisposable
{
    private const string Advice = "A tape belongs to one call at a time: create one for each thread.";
    private readonly float[][] _outputs, _inputs, _gradients;
    private ExclusiveUse _use;

    internal StackTape(TrainingStack stack, int maxSteps, int batchSize, WorkerTeam? team)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        (Stack, MaxSteps, BatchSize) = (stack, maxSteps, batchSize);
        float[] Rows(int width) => new float[Extents.Elements("Between layers (T×N×width)", maxSteps, batchSize, width)];
        Tapes = [.. stack.Layers.Select(layer => layer.CreateTape(maxSteps, batchSize, team))];
        _outputs = [.. stack.Layers.Select(layer => Rows(layer.Shape.OutputSize))];
        IReadOnlyList<StackLayer> layers = stack.Stack.Layers;
        _inputs = [.. layers.Select((layer, k) => k > 0 && stack.CopiesBetween(k) ? Rows(layer.InputSize) : [])];
        int widest = layers.Max(layer => Math.Max(layer.InputSize, layer.OutputSize));
        bool both = layers.Any(layer => layer.DirectionCount == 2);
        _gradients = [Rows(widest), Rows(widest)];
        (OutputSide, InputSide) = both ? (Rows(widest), Rows(widest)) : ([], []);
    }

    /// <summary>The stack that made it.</summary>
    public TrainingStack Stack { get; }

    /// <summary>T at most.</summary>
    public int MaxSteps { get; }

    /// <summary>N, rows.</summary>
    public int BatchSize { get; }

    /// <summary>Memory that it takes.</summary>
    public long Bytes => Tapes.Sum(tape => tape.Bytes)
        + sizeof(float) * _outputs.Concat(_inputs).Concat(_gradients).Append(OutputSide).Append(InputSide).Sum(memory => (long)memory.Length);

    /// <summary>Whether it holds a run whose backward pass has not been done.</summary>
    public bool IsFull { get; private set; }

    /// <summary>
    /// Of which random numbers the next run's dropout is made: the same seed gives the same mask, whatever the threads and the layout. Goes on by one with
    /// every run, so that each has a mask of its own.
    /// </summary>
    public ulong DropoutSeed { get; set; }

    /// <summary>The seed of the run that it holds.</summary>
    internal ulong RunSeed { get; private set; }

    /// <summary>T of that run.</summary>
    internal int SequenceLength { get; private set; }

    /// <summary>Whether its rows lay batch-major.</summary>
    internal bool IsBatchMajor { get; private set; }

    /// <summary>One for each layer and direction.</summary>
    internal TrainingTape[] Tapes { get; }

    /// <summary>Room for ∂L/∂y of one direction.</summary>
    internal float[] OutputSide { get; private set; }

    /// <summary>Room for ∂L/∂x of a second direction.</summary>
    internal float[] InputSide { get; private set; }

    /// <summary>∂L/∂x of a layer above the first; two memories take turns.</summary>
    internal Span<float> InputGradient(int k, int T) => _gradients[k % 2].AsSpan(0, T * BatchSize * Stack.Stack.Layers[k].InputSize);

    /// <summary>h of a layer and direction.</summary>
    internal Span<float> Output(int index, int T) => _outputs[index].AsSpan(0, T * BatchSize * Stack.Layers[index].Shape.OutputSize);

    /// <summary>x of a layer above the first, where it is a copy.</summary>
    internal Span<float> Input(int k, int T) => _inputs[k].AsSpan(0, T * BatchSize * Stack.Stack.Layers[k].InputSize);

    /// <summary>Begins a run.</summary>
    internal void Begin(int sequenceLength, bool batchMajor) =>
        (IsFull, SequenceLength, IsBatchMajor, RunSeed, DropoutSeed) = (false, sequenceLength, batchMajor, DropoutSeed, DropoutSeed + 1);

    /// <summary>Holds a run, or none.</summary>
    internal void Mark(bool full) => IsFull = full;

    /// <summary>Takes the tape for one call.</summary>
    internal ExclusiveUse.Lease Acquire() => _use.Acquire(nameof(StackTape), Advice);

    /// <summary>Gives the memory back. Disposing twice is harmless.</summary>
    /// <exception cref="InvalidOperationException">A call is using the tape.</exception>
    public void Dispose()
    {
        if (!_use.TryDispose(nameof(StackTape), Advice))
            return;
        IsFull = false;
        foreach (TrainingTape tape in Tapes)
            tape.Dispose();
        foreach (float[][] memories in (float[][][])[_outputs, _inputs, _gradients])
            Array.Fill(memories, []);
        (OutputSide, InputSide) = ([], []);
    }

    /// <summary>Such as <c>tape of a stack of 2 layers on simd-512, up to 50 steps of 16 rows</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"tape of {Stack.Stack}, up to {MaxSteps} steps of {BatchSize} {(BatchSize == 1 ? "row" : "rows")}{(IsFull ? ", full" : "")}");
}
