using FastRecurrence;
using FastRecurrence.Samples;

namespace FashionRows;

/// <summary>Trains a classifier of clothing and prints its loss and its accuracy: <c>dotnet run -c Release [epochs] [threads]</c>.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        int[] counts = [2, 1];
        if (!Progress.TryRead(arguments, counts))
        {
            Console.Error.WriteLine("usage: FashionRows [epochs] [threads]");
            return 2;
        }

        if (!FashionImages.Exist())
        {
            Console.Error.WriteLine($"There are no images in {FashionImages.Folder}. On Debian and Ubuntu: apt-get install dataset-fashion-mnist");
            return 1;
        }

        FashionImages train = FashionImages.Load(train: true), test = FashionImages.Load(train: false);
        using WorkerTeam? team = counts[1] > 1 ? new WorkerTeam(counts[1]) : null;
        using var classifier = new Classifier(Backend.Simd, team);
        Console.WriteLine($"{train.Count} images, row by row, on {Backend.Simd.Name}, {counts[1]} thread(s); guessing is right once in ten");
        int stepsPerEpoch = train.Count / Classifier.N;
        var progress = new Progress(counts[0] * stepsPerEpoch, shown: 200);
        for (int epoch = 1; epoch <= counts[0]; epoch++)
        {
            for (int step = 0; step < stepsPerEpoch; step++)
                progress.Add(classifier.Step(train));
            Console.WriteLine(FormattableString.Invariant($"epoch {epoch}: {100 * classifier.Accuracy(test):F1} % of images that it has not seen"));
        }

        Console.WriteLine($"weights {Progress.Fingerprint(classifier.Layers)}");
        return 0;
    }
}
