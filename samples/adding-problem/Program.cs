using System.Diagnostics;
using System.Globalization;
using FastRecurrence;

namespace AddingProblem;

/// <summary>Trains an LSTM on the adding problem and prints the loss: <c>dotnet run -c Release [steps] [threads]</c>.</summary>
internal static class Program
{
    private const int Shown = 100;

    private static int Main(string[] arguments)
    {
        int steps = 2000, threads = 1;
        bool understood = arguments.Length <= 2
            && (arguments.Length < 1 || TryCount(arguments[0], out steps)) && (arguments.Length < 2 || TryCount(arguments[1], out threads));
        if (!understood)
        {
            Console.Error.WriteLine("usage: AddingProblem [steps] [threads]");
            return 2;
        }

        using WorkerTeam? team = threads > 1 ? new WorkerTeam(threads) : null;
        using var adding = new Adding(Backend.Simd, team);
        Console.WriteLine($"the adding problem, 50 steps, on {Backend.Simd.Name}, {threads} thread(s); always answering 1 gives 0.167");
        var clock = Stopwatch.StartNew();
        double mean = 0;
        for (int step = 1; step <= steps; step++)
        {
            mean += adding.Step() / Shown;
            if (step % Shown != 0)
                continue;
            double rate = step / clock.Elapsed.TotalSeconds;
            Console.WriteLine(FormattableString.Invariant($"step {step,5}  loss {mean:F5}  {rate:F0} steps/s  {(steps - step) / rate:F0} s left"));
            mean = 0;
        }

        return 0;
    }

    private static bool TryCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0;
}
