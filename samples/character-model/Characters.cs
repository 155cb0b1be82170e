using System.Diagnostics;

namespace CharacterModel;

/// <summary>A text as numbers of its characters: its first part to learn from, the rest to test with.</summary>
internal sealed class Characters
{
    private const string Program = "bible";
    private const int Longest = 1_000_000;

    private Characters(string text)
    {
        Alphabet = string.Concat(text.Distinct().Order());
        int[] all = [.. text.Select(c => Alphabet.IndexOf(c, StringComparison.Ordinal))];
        int seen = all.Length / 10 * 9;
        (Seen, Unseen) = (all[..seen], all[seen..]);
    }

    /// <summary>Every character once.</summary>
    public string Alphabet { get; }

    /// <summary>To learn from.</summary>
    public int[] Seen { get; }

    /// <summary>To test with.</summary>
    public int[] Unseen { get; }

    /// <summary>The text of a string.</summary>
    public static Characters Of(string text) => new(text.Length > Longest ? text[..Longest] : text);

    /// <summary>
    /// The King James Bible as Debian's package <c>bible-kjv</c> prints it, without the numbers of verses; null where its program is not there.
    /// </summary>
    public static Characters? Bible()
    {
        try
        {
            var start = new ProcessStartInfo(Program, ["-f", "gen1:1-rev22:21"]) { RedirectStandardOutput = true, RedirectStandardInput = true };
            using Process bible = Process.Start(start)!;
            bible.StandardInput.Close();
            string[] lines = bible.StandardOutput.ReadToEnd().Split('\n');
            bible.WaitForExit();
            return Of(string.Join('\n', lines.Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..])));
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
