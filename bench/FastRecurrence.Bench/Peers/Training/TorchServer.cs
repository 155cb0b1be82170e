#if TORCH
using TorchSharp;
#endif

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>
/// The process that torch runs in: answers requests of <see cref="TorchProcess"/> on its standard streams until they close. In a process of its own torch has
/// the allocator that the environment asks for, and neither engine finds the other's threads or garbage.
/// </summary>
internal static class TorchServer
{
    /// <summary>The command line of the process.</summary>
    public const string Command = "answer-torch-requests";

    public const byte Prepare = 1, Results = 2, Time = 3;

    public static int Run()
    {
        using var reader = new BinaryReader(new BufferedStream(Console.OpenStandardInput()));
        using var writer = new BinaryWriter(new BufferedStream(Console.OpenStandardOutput(), 1 << 20));
        Console.SetOut(Console.Error); // whatever a library prints is no answer
        writer.Write(Greeting() is { } version);
        writer.Write(Greeting() ?? TorchEngine.Absence ?? "");
        writer.Flush();
#if TORCH
        TorchTraining? engine = null;
#else
        ITrainingEngine? engine = null;
#endif
        while (true)
        {
            byte request;
            try
            {
                request = reader.ReadByte();
            }
            catch (EndOfStreamException)
            {
                engine?.Dispose();
                return 0;
            }

            try
            {
                switch (request)
                {
                    case Prepare:
                        engine?.Dispose();
                        engine = Create(TrainingProblem.Read(reader));
                        writer.Write(true);
                        break;
                    case Results:
                        StepResults results = engine!.Results();
                        writer.Write(true);
                        results.Write(writer);
                        break;
                    default:
                        StepTimes times = engine!.Time(reader.ReadInt32());
                        writer.Write(true);
                        times.Write(writer);
                        break;
                }
            }
            catch (Exception e)
            {
                writer.Write(false);
                writer.Write(e.GetBaseException().Message);
            }

            writer.Flush();
        }
    }

#if TORCH
    private static string? Greeting() => TorchEngine.Absence is null ? $"libtorch of TorchSharp {typeof(torch).Assembly.GetName().Version?.ToString(3)}" : null;

    private static TorchTraining Create(TrainingProblem problem) => new(problem);
#else
    private static string? Greeting() => null;

    private static ITrainingEngine Create(TrainingProblem problem) => throw new NotSupportedException($"No torch for {problem}: {TorchEngine.Absence}.");
#endif
}
