using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>One step of an LSTM from a host's span to a host's span, call by call, on the device and on the SIMD backend.</summary>
internal static class LatencyTiming
{
    public static void Run(Visit visit)
    {
        var late = new List<string>();
        foreach ((int H, int N) in visit.Sizes(Visit.Grid([8], [1, 4]), Visit.Grid([128, 256, 512, 1024], [1, 8])))
        {
            if (visit.IsOver)
            {
                late.Add($"{H}x{N}");
                continue;
            }

            CheckRecord record = visit.Record(CellKind.Lstm, WeightFormat.Float32, (H, N)) with { T = 1 };
            visit.Attempt(record, () => Time(visit, record));
        }

        visit.NotReached(late);
    }

    private static void Time(Visit visit, CheckRecord record)
    {
        int N = record.N!.Value;
        LayerWeights weights = LayerWeights.Random(LayerTiming.Shape(CellKind.Lstm, record.H!.Value), 1);
        TimeSpan budget = TimeSpan.FromSeconds(visit.Options.Quick ? 0.05 : 0.6);
        (CallTimes device, string kernel) = Calls(visit.Backend, weights, N, budget);
        (CallTimes simd, _) = Calls(Backend.Simd, weights, N, budget);
        visit.Journal.Add(record with { Variant = kernel, Calls = device, SimdCalls = simd });
    }

    private static (CallTimes Calls, string Kernel) Calls(Backend backend, LayerWeights weights, int N, TimeSpan budget)
    {
        using RecurrentLayer layer = backend.Prepare(weights);
        using LayerState state = layer.CreateState(N);
        float[] x = Noise.Of(N * weights.Shape.InputSize), h = new float[N * weights.Shape.OutputSize];
        CallTimes calls = CallTimes.Of(Latency.Take(() => layer.Run(state, 1, x, h), budget, CancellationToken.None));
        return (calls, layer is GpuLayer gpu ? gpu.Choice(N).Variant.ToString() : "");
    }
}
