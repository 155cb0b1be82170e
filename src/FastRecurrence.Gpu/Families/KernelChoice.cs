using System.Globalization;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// Which kernels a layer's batch runs on, and why. Chosen when the state is made, from the shape, the rows and the device, never from a sequence's
/// length: single steps and whole sequences must give the same bits, and kernels differ in the order of their sums.
/// </summary>
/// <param name="Variant">The recurrent kernel.</param>
/// <param name="Reason">Why, for people.</param>
internal sealed record KernelChoice(KernelVariant Variant, string Reason)
{
    /// <summary>What a narrow format's step may take of float32's, by the model, to be worth its rounding.</summary>
    public const double LeastGain = 0.95;

    /// <summary>Whose kernel.</summary>
    public KernelFamily Family => Variant.Family;

    /// <summary>What a step of a long sequence should cost; arithmetic, not measurement.</summary>
    public double Microseconds => Variant.Microseconds;

    /// <summary>
    /// Of a grid: the variant that runs both directions of a bidirectional layer in one launch; null where it does not fit or two launches take less
    /// time. It may have other tiles: bits do not depend on them.
    /// </summary>
    public KernelVariant? BothDirections { get; private init; }

    /// <summary>
    /// The choice for a layer on an open device. Call it inside <see cref="GpuDevice.Enter"/>: it may load kernels, to ask for their occupancy.
    /// </summary>
    public static KernelChoice For(
        GpuDevice device, LayerShape shape, WeightFormat format, int batchSize, ForcedKernel? forced, RecurrentGemm recurrentGemm) =>
        For(new KernelProblem(device.Traits, shape, format, batchSize)
        {
            Forced = forced,
            RecurrentGemm = recurrentGemm,
            Resident = (chunks, rows) => forced is { ResidentGroups: > 0 } ? forced.ResidentGroups
                : GridPersistent.Resident(device, shape, format, chunks, rows),
        });

    /// <summary>The variant with the least cost, or the forced family's where it can run.</summary>
    public static KernelChoice For(KernelProblem problem)
    {
        var candidates = new List<KernelVariant>();
        var refused = new Dictionary<KernelFamily, string>();
        foreach (KernelFamily family in KernelFamily.All)
        {
            string? why = family.Refuse(problem);
            int before = candidates.Count;
            if (why is null)
                candidates.AddRange(family.Variants(problem).Where(variant => problem.Forced?.Takes(variant) ?? true));
            if (candidates.Count == before)
                refused.Add(family, why ?? "its groups would not all be resident");
        }

        KernelVariant best = candidates.MinBy(v => v.Microseconds)!;
        KernelChoice choice = new(best, Invariant($"model: {best.Microseconds:0.00} µs a step; {Others(candidates, refused, best)}"));
        if (problem.Forced?.Family is KernelFamily forced && best.Family != forced)
        {
            choice = candidates.Where(v => v.Family == forced).MinBy(v => v.Microseconds) is KernelVariant wanted
                ? new(wanted, "forced")
                : choice with { Reason = $"{forced.Name} was asked for but cannot run ({refused[forced]})" };
        }

        return choice.Family is GridPersistent grid ? choice.WithBothDirections(problem, grid) : choice;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Variant}: {Reason}";

    private static string Others(List<KernelVariant> candidates, Dictionary<KernelFamily, string> refused, KernelVariant best) => string.Join("; ",
        candidates.Where(v => v.Family != best.Family).GroupBy(v => v.Family).Select(f => Invariant($"{f.Key.Name} {f.Min(v => v.Microseconds):0.00} µs"))
            .Concat(refused.Select(f => $"{f.Key.Name}: {f.Value}")));

    private KernelChoice WithBothDirections(KernelProblem problem, GridPersistent grid)
    {
        KernelVariant? both = grid.Variants(problem, directions: 2, Variant.Chunks).MinBy(v => v.Microseconds);
        if (both is null)
            return this with { Reason = $"{Reason}; two directions take two launches, since twice the groups would not all be resident" };
        if (both.Microseconds >= 2 * Microseconds)
            return this with { Reason = Invariant($"{Reason}; two directions take two launches, since one would take {both.Microseconds:0.00} µs a step") };
        return this with
        {
            BothDirections = both,
            Reason = Invariant($"{Reason}; both directions in one launch, {both.Microseconds:0.00} µs a step ({both.Groups} groups)"),
        };
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A family that is taken where it can run, whatever the model says.</summary>
/// <param name="Family">The family.</param>
/// <param name="LeastChunks">Its instance for at least so many chunks in registers, though fewer would do: tests run those of large layers on small
/// ones.</param>
/// <param name="ResidentGroups">0, or groups that are taken to be resident at once, against what the device says: tests make a grid give up.</param>
/// <param name="TileRows">0, or the rows of a tile: tests compare large with small ones.</param>
internal sealed record ForcedKernel(KernelFamily Family, int LeastChunks = 0, int ResidentGroups = 0, int TileRows = 0)
{
    /// <summary>Whether a variant is one to choose from.</summary>
    public bool Takes(KernelVariant variant) => TileRows == 0 || variant.Family != Family || variant.Rows == TileRows;

    /// <summary>The environment variable that forces a family where it can run.</summary>
    public const string Variable = "FASTRECURRENCE_GPU_KERNEL";

    /// <summary>What the variable asks for; null where it is not set or names nothing, then with the reason.</summary>
    public static ForcedKernel? Parse(string? value, out string? reason)
    {
        reason = null;
        if (string.IsNullOrEmpty(value))
            return null;
        if (KernelFamily.All.FirstOrDefault(f => f.Name == value || f.ShortName == value) is KernelFamily family)
            return new ForcedKernel(family);
        string names = string.Join(", ", KernelFamily.All.Select(f => $"{f.Name} ({f.ShortName})"));
        reason = $"the environment variable {Variable} is '{value}'; it may be {names}, or not set";
        return null;
    }
}
