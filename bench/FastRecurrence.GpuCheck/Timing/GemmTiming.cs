using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>Every way to compute b + x·W, for all rows of an LSTM's sequence at once.</summary>
internal static class GemmTiming
{
    public static void Run(Visit visit)
    {
        var late = new List<string>();
        (int H, int N)[] sizes = visit.Sizes(Visit.Grid([16], [2]), Visit.Grid([256, 512, 1024, 2048], [1, 32, 512]));
        foreach (IGrouping<int, (int H, int N)> group in sizes.GroupBy(s => s.H))
        {
            LayerWeights weights = LayerWeights.Random(LayerTiming.Shape(CellKind.Lstm, group.Key), 1);
            foreach (InputGemm way in Enum.GetValues<InputGemm>())
            {
                if (visit.IsOver)
                {
                    late.AddRange(group.Select(s => $"{s.H}x{s.N} {way}"));
                    continue;
                }

                visit.Attempt(visit.Record() with { H = group.Key, Family = way.ToString() }, () =>
                {
                    using var layer = (GpuLayer)Playing(visit.Backend, way).Prepare(weights);
                    foreach ((int H, int N) size in group)
                    {
                        using var timed = new TimedLayer(layer, visit.Options.T, size.N, inputGemmAlone: true);
                        CheckRecord record = visit.Record(CellKind.Lstm, WeightFormat.Float32, size) with { Family = way.ToString() };
                        record = Rounds.Take(visit, record, timed.Time, torch: null);
                        visit.Journal.Add(record with { TeraFlops = 8.0 * size.H * size.H * size.N / record.Host!.Median / 1e6 });
                    }
                });
            }
        }

        visit.NotReached(late);
    }

    /// <summary>The emulator plays tensor cores only with a kernel forced.</summary>
    public static GpuBackend Playing(GpuBackend backend, InputGemm gemm) =>
        (backend.DeviceKind == DeviceKind.Emulator ? backend.Force(TiledStep.Family) : backend).With(gemm);
}
