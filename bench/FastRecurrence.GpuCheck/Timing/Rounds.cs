using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>Rounds of one size: a few sequences of ours, the same of torch, and again.</summary>
internal static class Rounds
{
    /// <summary>Microseconds that a round wants to see of each kind, and those of a sequence that needs no more than four rounds.</summary>
    private const double WantedTime = 5_000, LongSequence = 50_000;

    private const int MostRepeats = 20;

    /// <summary>The record with its times, in microseconds a step.</summary>
    /// <param name="visit">Whose rounds; its torch, if any, has the layer ready.</param>
    /// <param name="record">What is timed.</param>
    /// <param name="ours">Runs so many sequences and adds their microseconds by the host's clock and on the device.</param>
    /// <param name="torch">The layer that torch has ready; null for ours alone.</param>
    public static CheckRecord Take(Visit visit, CheckRecord record, Action<int, List<double>, List<double>> ours, TorchLayer? torch)
    {
        List<double> host = [], device = [], torchHost = [], torchDevice = [];
        int repeats = 1, rounds = visit.Options.Rounds;
        bool isWarm = visit.Options.Quick;
        for (int round = 0; round < rounds && (round == 0 || !visit.IsOver); round++)
        {
            ours(repeats, host, device);
            if (torch is not null && visit.Torch!.Time(repeats, torchHost, torchDevice) is string failure)
                (record, torch) = (record with { Note = $"{torch}: {failure}" }, null);
            if (isWarm)
                continue;

            // The first round tells how long a sequence is. It counts only where that is long: a device that idled while something was made ready
            // may not have its clock yet. Long sequences waver less, and their rounds take time from other sizes.
            isWarm = true;
            double sequence = host[0];
            repeats = (int)Math.Clamp(WantedTime / sequence, 1, MostRepeats);
            if (sequence > LongSequence)
            {
                rounds = Math.Min(rounds, 4);
                continue;
            }

            round--;
            foreach (List<double> samples in (List<double>[])[host, device, torchHost, torchDevice])
                samples.Clear();
        }

        return record with
        {
            Host = Spread.Of(host, visit.Options.T),
            Device = Spread.Of(device, visit.Options.T),
            TorchMode = torchDevice.Count > 0 ? torch?.ToString() : null,
            TorchHost = torch is null ? null : Spread.Of(torchHost, visit.Options.T),
            TorchDevice = torch is null ? null : Spread.Of(torchDevice, visit.Options.T),
        };
    }
}
