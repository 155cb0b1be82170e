using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>torch's LSTM in the modes that no row of ours is timed in turn with: the fp32 graph only where it has no such row yet.</summary>
internal static class TorchModes
{
    private static readonly (string Kind, string Mode)[] s_modes =
        [("fp32", "graph"), ("tf32", "graph"), ("bf16", "graph"), ("fp16", "graph"), ("fp32", "eager")];

    public static void Run(Visit visit)
    {
        if (visit.Torch is null || visit.Torch.Greet() is null)
        {
            visit.Journal.Add(new CheckRecord { Part = visit.Part.Name, Note = $"not timed: {visit.Torch?.Absence ?? "not asked for"}" });
            return;
        }

        (int H, int N)[] sizes = visit.Sizes(Visit.Grid([8, 16], [1, 4]), Targets.Sizes);
        var late = new List<string>();
        foreach ((string kind, string mode) in s_modes)
        {
            foreach ((int H, int N) in sizes)
            {
                var layer = new TorchLayer("LSTM", kind, mode, H, N, visit.Options.T);
                if (visit.Journal.Document.Records.Any(r => r.TorchMode == layer.ToString() && r.H == H && r.N == N && r.TorchDevice is not null))
                    continue;
                if (visit.IsOver || visit.Torch.Absence is not null)
                {
                    late.Add($"{kind} {mode} {H}x{N}");
                    continue;
                }

                List<double> host = [], device = [];
                if (visit.PrepareTorch(layer) && visit.Torch.Time(visit.Options.Quick ? 2 : 15, host, device) is null)
                {
                    visit.Journal.Add(new CheckRecord
                    {
                        Part = visit.Part.Name,
                        H = H,
                        N = N,
                        T = layer.T,
                        TorchMode = layer.ToString(),
                        TorchHost = Spread.Of(host, layer.T),
                        TorchDevice = Spread.Of(device, layer.T),
                    });
                }
            }
        }

        visit.NotReached(late);
    }
}
