using FastRecurrence;
using FastRecurrence.Samples;

namespace AddingProblem;

/// <summary>Trains an LSTM on the adding problem and prints the loss: <c>dotnet run -c Release [steps] [threads]</c>.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        int[] counts = [2000, 1];
        if (!Progress.TryRead(arguments, counts))
        {
            Console.Error.WriteLine("usage: AddingProblem [steps] [threads]");
            return 2;
        }

        (int steps, int threads) = (counts[0], counts[1]);
        using WorkerTeam? team = threads > 1 ? new WorkerTeam(threads) : null;
        using var adding = new Adding(Backend.Simd, team);
        Console.WriteLine($"the adding problem, 50 steps, on {Backend.Simd.Name}, {threads} thread(s); always answering 1 gives 0.167");
        var progress = new Progress(steps, shown: 100);
        for (int step = 0; step < steps; step++)
            progress.Add(adding.Step());
        Console.WriteLine($"weights {Progress.Fingerprint(adding.Layers)}");
        return 0;
    }
}
