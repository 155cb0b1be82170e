namespace FastRecurrence.GpuCheck;

/// <summary>What the command line asks for.</summary>
/// <param name="Device">The one backend to check; null for every NVIDIA GPU's.</param>
/// <param name="Quick">A rehearsal: few sizes, few repeats.</param>
/// <param name="Minutes">When to stop timing.</param>
internal sealed record Options(string? Device, bool Quick, double Minutes)
{
    /// <summary>Null when the arguments are not understood.</summary>
    public static Options? Parse(ReadOnlySpan<string> arguments)
    {
        var options = new Options(null, false, 10);
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--quick":
                    options = options with { Quick = true };
                    break;
                case "--device" when i + 1 < arguments.Length:
                    options = options with { Device = arguments[++i] };
                    break;
                case "--minutes" when i + 1 < arguments.Length && double.TryParse(arguments[i + 1], out double minutes) && minutes > 0:
                    options = options with { Minutes = minutes };
                    i++;
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
