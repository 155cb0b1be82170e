using System.Globalization;

namespace VoiceActivity;

/// <summary>From probabilities to decisions.</summary>
internal static class Speech
{
    private const float On = 0.5f, Off = 0.35f;
    private const double GoldenTolerance = 5e-6;

    /// <summary>The most that a probability may differ from the golden one.</summary>
    public const double Tolerance = GoldenTolerance;

    /// <summary>Runs of speech as chunk numbers, the end not included.</summary>
    public static IEnumerable<(int From, int To)> Segments(IReadOnlyList<float> probabilities)
    {
        var segmenter = new Segmenter();
        foreach (float probability in probabilities)
        {
            if (segmenter.Next(probability) is { } ended)
                yield return ended;
        }

        if (segmenter.End() is { } open)
            yield return open;
    }

    /// <summary>Runs of speech as they end: begun at 0.5, ended below 0.35.</summary>
    internal sealed class Segmenter
    {
        private int _count;

        /// <summary>The chunk at which the speech that goes on began.</summary>
        public int? Begun { get; private set; }

        /// <summary>The run that ends before this chunk.</summary>
        public (int From, int To)? Next(float probability)
        {
            int chunk = _count++;
            if (Begun is null && probability >= On)
                Begun = chunk;
            if (Begun is not { } from || probability >= Off)
                return null;
            Begun = null;
            return (from, chunk);
        }

        /// <summary>The run that goes on to the end.</summary>
        public (int From, int To)? End() => Begun is { } from ? (from, _count) : null;
    }

    /// <summary>The largest difference to given probabilities, and how many decisions (at 0.5) differ.</summary>
    public static (double Error, int Changed) Compare(IReadOnlyList<float> probabilities, IReadOnlyList<double> golden)
    {
        double error = 0;
        int changed = 0;
        for (int i = 0; i < golden.Count; i++)
        {
            error = Math.Max(error, Math.Abs(probabilities[i] - golden[i]));
            changed += probabilities[i] >= On == golden[i] >= On ? 0 : 1;
        }

        return (error, changed);
    }

    /// <summary>Column <c>prob</c> of a CSV file with one line for each chunk.</summary>
    public static double[] ReadGolden(string path)
    {
        string[] lines = File.ReadAllLines(path);
        int column = lines.Length == 0 ? -1 : Array.IndexOf(lines[0].Split(','), "prob");
        if (column < 0)
            throw new InvalidDataException($"{path}: no column 'prob' in the first line.");
        return [.. lines.Skip(1).Select((line, i) => line.Split(',') is { } cells && cells.Length > column && double.TryParse(cells[column], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value : throw new InvalidDataException($"{path}, line {i + 2}: no number in column 'prob'."))];
    }

    /// <summary>Prints the comparison; the exit code is 0 when it holds and 4 when not.</summary>
    public static int CheckGolden(IReadOnlyList<float> probabilities, string path)
    {
        double[] golden = ReadGolden(path);
        if (golden.Length != probabilities.Count)
        {
            Console.Error.WriteLine($"{path} has {golden.Length} probabilities, the recording {probabilities.Count} chunks.");
            return 4;
        }

        (double error, int changed) = Compare(probabilities, golden);
        bool ok = error <= GoldenTolerance && changed == 0;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"golden: {(ok ? "ok" : "WRONG")}, largest difference {error:g3} (allowed {GoldenTolerance:g1}), {changed} of {golden.Length} decisions changed"));
        return ok ? 0 : 4;
    }
}
