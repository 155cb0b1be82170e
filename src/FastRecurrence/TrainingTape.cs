using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// What a run keeps for its backward pass, and the memory of that pass: made by <see cref="TrainingLayer.CreateTape"/>, used again and again. A run fills
/// it, a backward pass spends it. One tape belongs to one call at a time; a second one at the same time is refused. x and y are not kept: the caller gives
/// the same numbers to both calls.
/// </summary>
public abstract class TrainingTape : IDisposable
{
    private const string Advice = "A tape belongs to one call at a time: create one for each thread.";
    private ExclusiveUse _use;

    private protected TrainingTape(LayerShape shape, int maxSteps, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        (Shape, MaxSteps, BatchSize) = (shape, maxSteps, batchSize);
    }

    /// <summary>The shape of its layer.</summary>
    public LayerShape Shape { get; }

    /// <summary>T at most.</summary>
    public int MaxSteps { get; }

    /// <summary>N, rows.</summary>
    public int BatchSize { get; }

    /// <summary>Memory that it takes: of an LSTM 20 bytes for each unit, row and step.</summary>
    public abstract long Bytes { get; }

    /// <summary>Whether it holds a run whose backward pass has not been done.</summary>
    public bool IsFull { get; private set; }

    /// <summary>The layer that made it.</summary>
    internal TrainingLayer? Layer { get; init; }

    /// <summary>T of the run.</summary>
    internal int SequenceLength { get; private set; }

    /// <summary>Whether its x was one-hot.</summary>
    internal bool IsOneHot { get; private set; }

    /// <summary>How often the weights had changed when it was filled.</summary>
    internal long Version { get; private set; }

    /// <summary>Holds a run.</summary>
    internal void Fill(int sequenceLength, long version, bool isOneHot) =>
        (IsFull, SequenceLength, Version, IsOneHot) = (true, sequenceLength, version, isOneHot);

    /// <summary>Holds no run.</summary>
    internal void Spend() => IsFull = false;

    /// <summary>Refuses a run that does not fit.</summary>
    /// <exception cref="ArgumentException">Another batch.</exception>
    /// <exception cref="ArgumentOutOfRangeException">More steps than there is room for.</exception>
    internal void Require(int sequenceLength, int batchSize)
    {
        if (batchSize != BatchSize)
        {
            throw new ArgumentException(FormattableString.Invariant($"The tape is for a batch of {BatchSize}, the state has {batchSize} rows. ")
                + "Make a tape for this batch.", nameof(batchSize));
        }

        if (sequenceLength > MaxSteps)
        {
            throw new ArgumentOutOfRangeException(nameof(sequenceLength), sequenceLength,
                FormattableString.Invariant($"The tape has room for {MaxSteps} steps. Make a longer one, or run fewer steps at a time."));
        }
    }

    /// <summary>Takes the tape for one call.</summary>
    internal ExclusiveUse.Lease Acquire() => _use.Acquire(nameof(TrainingTape), Advice);

    /// <summary>Gives the memory back. Disposing twice is harmless.</summary>
    /// <exception cref="InvalidOperationException">A call is using the tape.</exception>
    public void Dispose()
    {
        if (!_use.TryDispose(nameof(TrainingTape), Advice))
            return;
        IsFull = false;
        DisposeCore();
        GC.SuppressFinalize(this);
    }

    /// <summary>Such as <c>tape of lstm_i64_h128, up to 50 steps of 16 rows, full</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"tape of {Shape}, up to {MaxSteps} steps of {BatchSize} {(BatchSize == 1 ? "row" : "rows")}{(IsFull ? ", full" : "")}");

    private protected virtual void DisposeCore()
    {
    }
}
