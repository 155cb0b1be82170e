using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// Everything of a layer that changes: h <c>[N, H]</c> (<c>[N, P]</c> with a projection), for an LSTM also c <c>[N, H]</c>, and the scratch memory of its
/// kernels. One state belongs to one stream of calls; two threads must not use one state at the same time, and a call
/// that meets another in progress is refused. Made by <see cref="RecurrentLayer.CreateState"/> and bound to that layer.
/// </summary>
public abstract class LayerState : IDisposable
{
    private const string Advice = "A state belongs to one stream of calls: create one per thread with RecurrentLayer.CreateState.";
    private ExclusiveUse _use;

    /// <summary>Binds the state to its layer.</summary>
    private protected LayerState(RecurrentLayer layer, int batchSize)
    {
        Layer = layer;
        BatchSize = batchSize;
    }

    /// <summary>The layer this state belongs to.</summary>
    public RecurrentLayer Layer { get; }

    /// <summary>N, rows.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// Whether h and c are of no use any more: a call failed, and the device did not take back what the state held before it. Then only
    /// <see cref="Reset"/> and <see cref="Dispose"/> are taken.
    /// </summary>
    internal bool IsLost { get; set; }

    /// <summary>Scratch for sequences that are not dense, forward and time-major; made at the first of them.</summary>
    internal SequencePacker Packer => field ??= new SequencePacker();

    /// <summary>The lengths of the call in progress; for a holder of the lease.</summary>
    internal RowLengths Lengths => field ??= new RowLengths();

    /// <summary>Sets h, and c where there is one, to zero, as after creation.</summary>
    /// <exception cref="ObjectDisposedException">The state was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    public void Reset()
    {
        using ExclusiveUse.Lease _ = Acquire(evenLost: true);
        ResetCore();
        IsLost = false;
    }

    /// <summary>Reads h into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public void CopyHiddenTo(Span<float> destination)
    {
        RequireHidden(nameof(destination), destination.Length);
        using ExclusiveUse.Lease _ = Acquire();
        CopyCore(cell: false, destination);
    }

    /// <summary>Sets h from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <exception cref="ArgumentException">The span has another length; states are never broadcast.</exception>
    public void SetHidden(ReadOnlySpan<float> source)
    {
        RequireHidden(nameof(source), source.Length);
        using ExclusiveUse.Lease _ = Acquire();
        SetCore(cell: false, source);
    }

    /// <summary>Reads c into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void CopyCellTo(Span<float> destination)
    {
        RequireCell(nameof(destination), destination.Length);
        using ExclusiveUse.Lease _ = Acquire();
        CopyCore(cell: true, destination);
    }

    /// <summary>Sets c from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void SetCell(ReadOnlySpan<float> source)
    {
        RequireCell(nameof(source), source.Length);
        using ExclusiveUse.Lease _ = Acquire();
        SetCore(cell: true, source);
    }

    /// <summary>Gives the memory back. Disposing twice is harmless, also from two threads at the same time.</summary>
    /// <exception cref="InvalidOperationException">A call is using the state.</exception>
    public void Dispose()
    {
        if (!_use.TryDispose(nameof(LayerState), Advice))
            return;
        DisposeCore();
        GC.SuppressFinalize(this);
    }

    /// <summary>Such as <c>state of lstm_i64_h128 on simd-512, 4 rows</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"state of {Layer.Shape} on {Layer.Backend.Name}, {BatchSize} "
        + $"{(BatchSize == 1 ? "row" : "rows")}{(_use.IsDisposed ? ", disposed" : "")}");

    /// <summary>Reads h or c for a holder of the lease.</summary>
    internal void CopyRaw(bool cell, Span<float> destination) => CopyCore(cell, destination);

    /// <summary>Sets h or c for a holder of the lease.</summary>
    internal void SetRaw(bool cell, ReadOnlySpan<float> source) => SetCore(cell, source);

    private protected abstract void ResetCore();

    private protected abstract void CopyCore(bool cell, Span<float> destination);

    private protected abstract void SetCore(bool cell, ReadOnlySpan<float> source);

    private protected virtual void DisposeCore()
    {
    }

    /// <summary>Takes the state for one call; a second caller at the same time is refused instead of corrupting it.</summary>
    internal ExclusiveUse.Lease Acquire(bool evenLost = false)
    {
        ExclusiveUse.Lease lease = _use.Acquire(nameof(LayerState), Advice);
        if (!IsLost || evenLost)
            return lease;
        lease.Dispose();
        throw new InvalidOperationException(
            "h and c of this LayerState are lost: a call failed, and the device did not take back what the state held before. "
            + "Reset it, then set h and c from your own copies.");
    }

    private void RequireHidden(string what, int length) =>
        Extents.Require(what, length, Layer.Shape.ProjectionSize == 0 ? "N×H" : "N×P", BatchSize, Layer.Shape.OutputSize);

    private void RequireCell(string what, int length)
    {
        if (!Layer.Shape.HasCellState)
            throw new NotSupportedException($"{Layer.Shape} is {Layer.Shape.Definition.NameWithArticle}: it has a hidden state h and no cell state c.");
        Extents.Require(what, length, "N×H", BatchSize, Layer.Shape.HiddenSize);
    }
}
