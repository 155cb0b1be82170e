using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;

namespace FastRecurrence.GpuCheck;

/// <summary>What a part of a visit works with.</summary>
/// <param name="Part">Which part.</param>
/// <param name="Backend">The device.</param>
/// <param name="Options">What was asked for.</param>
/// <param name="Journal">Takes what is found.</param>
/// <param name="Torch">torch's process; null where it was not asked for.</param>
/// <param name="End">When the part's time is over, by the journal's clock.</param>
internal sealed record Visit(Part Part, GpuBackend Backend, Options Options, Journal Journal, TorchProcess? Torch, TimeSpan End)
{
    public bool IsOver => Journal.Elapsed >= End;

    /// <summary>The asked sizes, else the part's own.</summary>
    public (int H, int N)[] Sizes(IEnumerable<(int H, int N)> quick, IEnumerable<(int H, int N)> whole) =>
        [.. Options.Sizes.Count > 0 ? Options.Sizes : Options.Quick ? quick : whole];

    /// <summary>Sizes of every H with every N.</summary>
    public static IEnumerable<(int H, int N)> Grid(int[] hidden, int[] batches) => from h in hidden from n in batches select (h, n);

    /// <summary>A record of this part, to be filled.</summary>
    public CheckRecord Record(CellKind? cell = null, WeightFormat? format = null, (int H, int N)? size = null) => new()
    {
        Part = Part.Name,
        Backend = Backend.Name,
        Cell = cell?.ToString(),
        Format = format?.ToString(),
        H = size?.H,
        N = size?.N,
        T = size is null ? null : Options.T,
    };

    /// <summary>Says what was not reached in time.</summary>
    public void NotReached(IReadOnlyCollection<string> what)
    {
        if (what.Count > 0)
            Journal.Add(Record() with { Note = $"out of time after {Journal.Elapsed.TotalSeconds:0} s; not reached: {string.Join(", ", what)}" });
    }

    /// <summary>Does a piece of the work. Its failure, of whatever kind, is noted and takes no other piece's results along; a refusal is no failure.</summary>
    public void Attempt(CheckRecord record, Action work)
    {
        try
        {
            work();
        }
        catch (NotSupportedException e)
        {
            Journal.Add(record with { Note = $"refused: {e.Message}" });
        }
        catch (Exception e)
        {
            Journal.Fail(record, e);
        }
    }

    /// <summary>Whether torch has this layer ready now; where it has not, the reason is noted.</summary>
    public bool PrepareTorch(TorchLayer layer)
    {
        if (Torch?.Greet() is null)
            return false;
        string? failure = Torch.Prepare(layer);
        if (failure is not null)
            Journal.Add(Record() with { Note = $"no row of {layer} {layer.H}x{layer.N}: {failure}" });
        return failure is null;
    }
}
