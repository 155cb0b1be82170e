namespace FastRecurrence.TestKit.Problems;

/// <summary>The known word that a mistyped one was probably meant to be.</summary>
internal static class Suggestion
{
    /// <summary><c> Did you mean 'sweep'?</c>, or nothing when no known word is near.</summary>
    public static string For(string typed, IEnumerable<string> known)
    {
        string? nearest = known.MinBy(word => Distance(typed, word));
        return nearest is not null && Distance(typed, nearest) <= Math.Max(2, typed.Length / 3) ? $" Did you mean '{nearest}'?" : "";
    }

    /// <summary>Insertions, deletions and replacements from one word to the other (Levenshtein 1966).</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 0; i < a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < b.Length; j++)
            {
                int replaced = diagonal + (char.ToLowerInvariant(a[i]) == char.ToLowerInvariant(b[j]) ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[^1];
    }
}
