using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>Bidirectional layers: two launches one after the other, one launch where both grids fit, and torch's, in turn.</summary>
internal static class DirectionsTiming
{
    public static void Run(Visit visit)
    {
        var late = new List<string>();
        (int H, int N)[] sizes = visit.Sizes(Visit.Grid([8], [1, 4]), Visit.Grid([128, 256, 512, 1024], [1, 8, 32]));
        foreach (CellKind cell in (CellKind[])[CellKind.Lstm, CellKind.Gru, CellKind.Elman])
        {
            foreach ((int H, int N) size in sizes)
            {
                if (visit.IsOver)
                    late.Add($"{cell} {size.H}x{size.N}");
                else
                    visit.Attempt(visit.Record(cell, WeightFormat.Float32, size), () => Time(visit, cell, size));
            }
        }

        visit.NotReached(late);
    }

    private static void Time(Visit visit, CellKind cell, (int H, int N) size)
    {
        int T = visit.Options.T, N = size.N;
        LayerShape shape = LayerTiming.Shape(cell, size.H);
        // On a CPU the model never chooses a grid; a rehearsal wants to see one.
        GpuBackend backend = visit.Backend.IsCpuDevice ? visit.Backend.Force(GridPersistent.Family) : visit.Backend;
        using var stack = new RecurrentStack(backend, StackLayer.Bidirectional(LayerWeights.Random(shape, 7), LayerWeights.Random(shape, 8)));
        using StackState state = stack.CreateState(N);
        var first = (GpuState)state.Of(0);
        GpuLayer forward = (GpuLayer)first.Layer, reverse = (GpuLayer)state.Of(1).Layer;
        var together = (GpuStackDriver)state.Driver!;

        // Each way has states and memory of its own, filled by a run from the host.
        float[] x = Noise.Of(T * N * shape.InputSize), y = new float[T * N * shape.OutputSize];
        using LayerState alone = forward.CreateState(N), reverseAlone = reverse.CreateState(N);
        forward.Run(alone, T, x, y);
        reverse.Run(reverseAlone, T, x, y);
        stack.Run(state, T, x, new float[2 * y.Length]);

        var torch = new TorchLayer(TorchLayer.ModuleOf(cell), "fp32", "graph", size.H, N, T, Directions: 2);
        TorchLayer? timed = visit.PrepareTorch(torch) ? torch : null;
        CheckRecord record = visit.Record(cell, WeightFormat.Float32, size) with { Directions = 2 };
        if (together.SharesLaunches(0))
        {
            record = record with { Family = first.Choice.Family.ShortName, Variant = $"one launch: {first.Choice.BothDirections}" };
            visit.Journal.Add(Rounds.Take(visit, record, (n, host, _) => Add(host, n, () => together.MeasureKernels(T, 1)), timed));
        }

        record = record with { Family = forward.Choice(N).Family.ShortName, Variant = $"two launches: {forward.Choice(N).Variant}" };
        double Apart() => forward.MeasureKernels(alone, T, 1) + reverse.MeasureKernels(reverseAlone, T, 1);
        record = Rounds.Take(visit, record, (n, host, _) => Add(host, n, Apart), timed);
        visit.Journal.Add(record with { Fallbacks = forward.Fallbacks + reverse.Fallbacks });
    }

    /// <summary>Samples after one that does not count.</summary>
    private static void Add(List<double> host, int count, Func<double> seconds)
    {
        seconds();
        for (int i = 0; i < count; i++)
            host.Add(seconds() * 1e6);
    }
}
