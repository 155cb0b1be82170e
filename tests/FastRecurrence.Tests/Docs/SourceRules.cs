using System.Text;
using System.Text.RegularExpressions;

namespace FastRecurrence.Tests.Docs;

/// <summary>The sizes that CONTRIBUTING.md sets for the files of <c>src/</c>, as a reader of their text sees them.</summary>
internal static partial class SourceRules
{
    public const int MostCharacters = 160, MostLines = 300, MostParameters = 8;

    /// <summary>What is too large in a file, in words; empty where nothing is.</summary>
    /// <param name="path">Named in what is found.</param>
    /// <param name="text">The whole file.</param>
    public static IEnumerable<string> Violations(string path, string text)
    {
        string[] lines = text.TrimEnd('\n').Split('\n');
        if (lines.Length > MostLines)
            yield return $"{path} has {lines.Length} lines, {MostLines} are the most";
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > MostCharacters)
                yield return $"{path}:{i + 1} has {lines[i].Length} characters, {MostCharacters} are the most";
        }

        foreach ((string name, int count) in ParameterLists(text).Where(list => list.Count > MostParameters))
            yield return $"{path}: {name} has {count} parameters, {MostParameters} are the most";
    }

    /// <summary>
    /// Every parameter list of a file: of methods, constructors, records, delegates, local functions and typed lambdas. It is one by its form: each of its
    /// parts is a type and then a name, which no list of arguments is.
    /// </summary>
    public static IEnumerable<(string Name, int Count)> ParameterLists(string text)
    {
        string code = WithoutWords(text);
        for (int open = code.IndexOf('(', StringComparison.Ordinal); open >= 0; open = code.IndexOf('(', open + 1))
        {
            string[] parts = [.. Parts(code, open)];
            if (parts.Length > 0 && parts.All(part => Parameter().IsMatch(part)))
            {
                int name = open;
                while (name > 0 && (char.IsLetterOrDigit(code[name - 1]) || "_<>,".Contains(code[name - 1])))
                    name--;
                yield return (code[name..open], parts.Length);
            }
        }
    }

    /// <summary>What stands between a parenthesis and its partner, split at the commas that belong to neither inner brackets nor type arguments.</summary>
    private static IEnumerable<string> Parts(string code, int open)
    {
        int depth = 0, start = open + 1;
        for (int i = open; i < code.Length; i++)
        {
            depth += code[i] switch
            {
                '(' or '[' or '{' or '<' => 1,
                ')' or ']' or '}' => -1,
                '>' when code[i - 1] != '=' => -1,
                _ => 0,
            };
            if (code[i] is ';' || depth < 0)
                yield break;
            if ((code[i] == ',' && depth == 1) || depth == 0)
            {
                yield return code[start..i].Trim();
                start = i + 1;
            }

            if (depth == 0)
                yield break;
        }
    }

    /// <summary>The code with comments and the insides of strings and characters left out.</summary>
    private static string WithoutWords(string text)
    {
        var code = new StringBuilder(text.Length);
        int from = 0;
        foreach (Match word in Word().Matches(text))
        {
            code.Append(text, from, word.Index - from).Append(word.Value[0] == '/' ? "" : "\"\"");
            from = word.Index + word.Length;
        }

        return code.Append(text, from, text.Length - from).ToString();
    }

    [GeneratedRegex("""
        //[^\n]*|/\*.*?\*/|\$*"{3}.*?"{3}"*|[$@]*@[$@]*"(?:[^"]|"")*"|\$?"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'
        """, RegexOptions.Singleline)]
    private static partial Regex Word();

    [GeneratedRegex(@"^(\[[^\]]*\]\s*)?(?!new |await |throw |not |stackalloc )[A-Za-z_(][\w\s.,()<>\[\]?*:]*[\s?>\])]@?[A-Za-z_]\w*(\s*=[^=].*)?$",
        RegexOptions.Singleline)]
    private static partial Regex Parameter();
}
