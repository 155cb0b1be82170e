using System.Security.Cryptography;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.TestKit.Stacks;

/// <summary>What checking found, part of every run file.</summary>
/// <param name="Ok">Whether the error is within the tolerance.</param>
/// <param name="MaxError">The largest error against the double reference.</param>
/// <param name="Tolerance">What it may be.</param>
/// <param name="Rows">Rows looked at: first, middle, last, or fewer.</param>
/// <param name="Steps">Steps looked at; fewer than T where the reference would take longer than the timing.</param>
/// <param name="Bits">A digest of every output of those steps, all rows: who gives the same bits again is as right as before.</param>
internal sealed record Checked(bool Ok, double MaxError, double Tolerance, int Rows, int Steps, string Bits);

/// <summary>Holds runners of one problem against the double reference, which it asks once.</summary>
internal sealed class StackVerifier
{
    /// <summary>What the reference does in well under a second.</summary>
    private const double Budget = 4e8;

    private readonly StackData _data;
    private readonly int[] _rows;
    private readonly Lazy<StackAnswer> _exact;

    public StackVerifier(StackData data)
    {
        _data = data;
        ProblemSize size = data.Size;
        double perRow = size.FlopsPerStep / size.BatchSize;
        int[] rows = [.. new[] { 0, size.BatchSize / 2, size.BatchSize - 1 }.Distinct()];
        while (rows.Length > 1 && rows.Length * perRow * Math.Min(size.SequenceLength, 8) > Budget)
            rows = rows[..^1];
        _rows = rows;
        Steps = (int)Math.Clamp(Budget / (rows.Length * perRow), 1, size.SequenceLength);
        _exact = new Lazy<StackAnswer>(() => data.Exact(_rows, Steps));
    }

    /// <summary>How many of the T steps are checked.</summary>
    public int Steps { get; }

    /// <summary>Runs from the start and compares. Bits that were right before need no second look.</summary>
    /// <param name="runner">What ran, or runs, the problem.</param>
    /// <param name="tolerance">From the deviation of the problem's own rounding.</param>
    /// <param name="before">What an earlier look found.</param>
    public Checked Verify(IRunner runner, Func<double, double> tolerance, Checked? before)
    {
        // Forward, a prefix of the whole run is a run of the prefix.
        runner.Restart();
        runner.Run(_data.Size.Direction == LayerDirection.Forward ? _data.Size.SequenceLength : Steps);
        ReadOnlySpan<float> output = runner.Output[..(Steps * _data.Size.BatchSize * _data.Size.OutputSize)];
        string bits = Convert.ToHexStringLower(SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(output)))[..16];
        if (before is { Ok: true } && before.Bits == bits && before.Steps == Steps)
            return before;
        (double error, double allowed) = (MaxError(output), tolerance(_exact.Value.Deviation));
        return new Checked(error <= allowed, error, allowed, _rows.Length, Steps, bits);
    }

    private double MaxError(ReadOnlySpan<float> output)
    {
        int features = _data.Size.OutputSize, batch = _data.Size.BatchSize;
        double worst = 0;
        for (int t = 0; t < Steps; t++)
        {
            for (int row = 0; row < _rows.Length; row++)
            {
                for (int j = 0; j < features; j++)
                    worst = Math.Max(worst, Tolerance.Error(_exact.Value.Output[(t * _rows.Length + row) * features + j], output[(t * batch + _rows[row]) * features + j]));
            }
        }

        return worst;
    }
}
