using FastRecurrence;
using FastRecurrence.Samples;

namespace CharacterModel;

/// <summary>Learns to write like a text, and prints what it writes: <c>dotnet run -c Release [steps] [threads]</c>, or a text file first.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        int[] counts = [1500, 1];
        string? file = arguments is [var first, ..] && File.Exists(first) ? first : null;
        if (!Progress.TryRead(file is null ? arguments : arguments[1..], counts))
        {
            Console.Error.WriteLine("usage: CharacterModel [text file] [steps] [threads]");
            return 2;
        }

        Characters? text = file is null ? Characters.Bible() : Characters.Of(File.ReadAllText(file));
        if (text is null)
        {
            Console.Error.WriteLine("There is no program called bible. On Debian and Ubuntu: apt-get install bible-kjv. Or name a text file first.");
            return 1;
        }

        using WorkerTeam? team = counts[1] > 1 ? new WorkerTeam(counts[1]) : null;
        using var model = new LanguageModel(text, Backend.Simd, team);
        Console.WriteLine($"{text.Seen.Length} characters, {text.Alphabet.Length} of them different, on {Backend.Simd.Name}, {counts[1]} thread(s)");
        var progress = new Progress(counts[0], shown: 100, "{0:F3} bits a character");
        for (int step = 0; step < counts[0]; step++)
            progress.Add(model.Step());
        Console.WriteLine(FormattableString.Invariant($"{model.Test(50_000):F3} bits a character of text that it has not seen"));
        Console.WriteLine($"\n{model.Write(400, seed: 1)}\n");
        Console.WriteLine($"weights {Progress.Fingerprint(model.Layers)}");
        return 0;
    }
}
