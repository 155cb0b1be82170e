using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using FastRecurrence;
using FastRecurrence.Tests.Bits;

// One program, run by the just-in-time compiler and compiled ahead of time: what the process has, the recorded bits, the time of a step.
// scripts/aot-check compares the two. Every line is a key and a value.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine($"native {!RuntimeFeature.IsDynamicCodeCompiled}");
Console.WriteLine($"fma {Fma.IsSupported || AdvSimd.IsSupported}");
Console.WriteLine($"backend {Backend.Simd.Name}");
Console.WriteLine($"description {Backend.Simd.Description}");
if (args.Contains("bits"))
{
    int wrong = WrongBits(out int all);
    Console.WriteLine($"bits {all - wrong} of {all}");
    if (wrong > 0)
        return 1;
}

if (args.Contains("time"))
{
    Console.WriteLine($"step-n1 {StepMicroseconds(Backend.Simd, 1):F3}");
    Console.WriteLine($"step-n16 {StepMicroseconds(Backend.Simd, 16):F3}");
    Console.WriteLine($"reference-n1 {StepMicroseconds(Backend.Reference, 1):F3}");
}

return 0;

// Calls of the record on the backend that dispatch chose; narrow weights only where they are not refused.
static int WrongBits(out int all)
{
    using var reader = new StreamReader(typeof(BitProblem).Assembly.GetManifestResourceStream("recorded-bits.txt")!);
    Dictionary<string, string> recorded = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).ToDictionary(line => line.Split(' ')[0], line => line.TrimEnd());
    using var team = new WorkerTeam(2);
    (all, int wrong) = (0, 0);
    foreach (BitProblem problem in BitProblem.All().Where(p => p.Format != WeightFormat.Int8))
    {
        string line = $"{problem.Id} {BitProblem.Text(problem.Hash(Backend.Simd, team))}";
        all++;
        if (recorded[problem.Id] == line)
            continue;
        wrong++;
        Console.Error.WriteLine($"recorded: {recorded[problem.Id]}, here: {line}");
    }

    return wrong;
}

// The shortest of many samples of one step of an LSTM with 128 inputs and 128 units.
static double StepMicroseconds(Backend backend, int batchSize)
{
    const int Size = 128, Samples = 200;
    using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(Size, Size), seed: 1));
    using LayerState state = layer.CreateState(batchSize);
    float[] x = new float[batchSize * Size], y = new float[batchSize * Size];
    Array.Fill(x, 0.25f);
    int calls = 1;
    double best = double.PositiveInfinity;
    for (int sample = 0; sample < Samples; sample++)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
            layer.Step(state, x, y);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        best = Math.Min(best, seconds / calls);
        calls = Math.Max(1, (int)(3e-4 / best)); // a third of a millisecond: short enough to run undisturbed now and then
    }

    return best * 1e6;
}
