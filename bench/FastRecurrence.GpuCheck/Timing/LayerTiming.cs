using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>Single layers with I = H and data on the device, by the kernels that the library chooses, in turn with torch's.</summary>
internal static class LayerTiming
{
    private static readonly int[] s_hidden = [128, 256, 512, 1024], s_batches = [1, 8, 32, 128];

    public static void Lstm(Visit visit) => Run(visit, CellKind.Lstm, WeightFormat.Float32, [.. Targets.Sizes]);

    public static void LstmBfloat16(Visit visit) => Run(visit, CellKind.Lstm, WeightFormat.Bfloat16, [.. Visit.Grid([256, 512, 1024, 2048], s_batches)]);

    public static void Elman(Visit visit) => Run(visit, CellKind.Elman, WeightFormat.Float32, [.. Visit.Grid(s_hidden, s_batches)]);

    public static void Gru(Visit visit) => Run(visit, CellKind.Gru, WeightFormat.Float32, [.. Visit.Grid(s_hidden, s_batches)]);

    /// <summary>What the library does not choose, for the LSTM: is the choice right?</summary>
    public static void Families(Visit visit)
    {
        (int H, int N)[] sizes = Sizes(visit, [.. Targets.Sizes]);
        var late = new List<string>();
        foreach (IGrouping<int, (int H, int N)> group in sizes.GroupBy(s => s.H))
        {
            LayerShape shape = Shape(CellKind.Lstm, group.Key);
            LayerWeights weights = LayerWeights.Random(shape, 1);
            using var chosen = new GpuLayer(weights, visit.Backend);
            foreach (KernelFamily family in KernelFamily.All)
            {
                using var layer = new GpuLayer(weights, visit.Backend.Force(family));
                foreach ((int H, int N) size in group)
                {
                    if (layer.Choice(size.N) is not { } choice || choice.Family != family || chosen.Choice(size.N).Family == family)
                        continue;
                    if (visit.IsOver)
                        late.Add($"{size.H}x{size.N} {family.ShortName}");
                    else
                        Add(visit, visit.Record(CellKind.Lstm, WeightFormat.Float32, size), layer, choice, torch: null);
                }
            }

            foreach ((int H, int N) size in group.Where(_ => !visit.IsOver))
            {
                using var gemm = new TimedLayer(chosen, visit.Options.T, size.N, inputGemmAlone: true);
                CheckRecord record = visit.Record(CellKind.Lstm, WeightFormat.Float32, size) with { Family = "input GEMM" };
                visit.Journal.Add(Rounds.Take(visit, record, gemm.Time, torch: null));
            }
        }

        visit.NotReached(late);
    }

    /// <summary>A layer with I = H.</summary>
    public static LayerShape Shape(CellKind cell, int H) => cell switch
    {
        CellKind.Lstm => LayerShape.Lstm(H, H),
        CellKind.Gru => LayerShape.Gru(H, H),
        _ => LayerShape.Elman(H, H),
    };

    private static (int H, int N)[] Sizes(Visit visit, (int H, int N)[] whole) => visit.Sizes(Visit.Grid([8, 16], [1, 4]), whole);

    private static void Run(Visit visit, CellKind cell, WeightFormat format, (int H, int N)[] whole)
    {
        (int H, int N)[] sizes = Sizes(visit, whole);
        var late = new List<string>();
        foreach (IGrouping<int, (int H, int N)> group in sizes.GroupBy(s => s.H))
        {
            if (visit.IsOver)
            {
                late.AddRange(group.Select(Name));
                continue;
            }

            LayerWeights weights = LayerWeights.Random(Shape(cell, group.Key), 1);
            using var free = new GpuLayer(weights, visit.Backend, format);
            foreach ((int H, int N) size in group)
            {
                if (visit.IsOver)
                {
                    late.Add(Name(size));
                    continue;
                }

                KernelChoice choice = free.Choice(size.N);
                string kind = format == WeightFormat.Float32 ? "fp32" : "bf16";
                var torch = new TorchLayer(TorchLayer.ModuleOf(cell), kind, "graph", size.H, size.N, visit.Options.T);
                CheckRecord record = visit.Record(cell, format, size);
                if (format == WeightFormat.Float32)
                {
                    Add(visit, record, free, choice, torch);
                    continue;
                }

                // Forced, since a layer refuses the format for a batch that it does not make faster; that time is worth knowing, too.
                using var narrow = new GpuLayer(weights, visit.Backend.Force(choice.Family), format);
                Add(visit, record, narrow, choice, torch);
            }
        }

        visit.NotReached(late);
    }

    private static void Add(Visit visit, CheckRecord record, GpuLayer layer, KernelChoice choice, TorchLayer? torch)
    {
        record = record with { Family = choice.Family.ShortName, Variant = choice.Variant.ToString() };
        visit.Attempt(record, () =>
        {
            long before = layer.Fallbacks;
            using var timed = new TimedLayer(layer, visit.Options.T, record.N!.Value);
            CheckRecord measured = Rounds.Take(visit, record, timed.Time, torch is not null && visit.PrepareTorch(torch) ? torch : null);
            visit.Journal.Add(measured with { Fallbacks = layer.Fallbacks - before });
        });
    }

    private static string Name((int H, int N) size) => $"{size.H}x{size.N}";
}
