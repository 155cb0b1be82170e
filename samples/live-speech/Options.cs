using System.Globalization;

namespace LiveSpeech;

/// <summary><c>--name value</c> and <c>--flag</c>.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> _values = [];

    /// <exception cref="ArgumentException">A name is unknown, or has no value.</exception>
    public Options(string[] args, string[] names, string[] flags)
    {
        for (int i = 0; i < args.Length; i++)
        {
            if (flags.Contains(args[i]))
                _values[args[i]] = "";
            else if (names.Contains(args[i]) && i + 1 < args.Length)
                _values[args[i]] = args[++i];
            else
                throw new ArgumentException(names.Contains(args[i]) ? $"{args[i]} has no value" : $"unknown: {args[i]}");
        }
    }

    public bool Has(string name) => _values.ContainsKey(name);

    public string? Text(string name) => _values.GetValueOrDefault(name);

    public int Number(string name, int otherwise) =>
        Text(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
        : throw new ArgumentException($"{name} {text} is no number");
}
