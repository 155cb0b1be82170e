namespace FastRecurrence.Tests.Bits;

/// <summary>
/// The bits of the CPU kernels, recorded: a change of the code that changes any output of any of these calls fails here, at every width. To record
/// anew, after a change that is meant to change bits: FASTRECURRENCE_RECORD_BITS=1, and say in the commit why.
/// </summary>
public sealed class RecordedBitsTests
{
    private const string Variable = "FASTRECURRENCE_RECORD_BITS";

    [Theory]
    [InlineData("scalar")]
    [InlineData("simd-128")]
    [InlineData("simd-256")]
    [InlineData("simd-512")]
    [InlineData("simd-vector")]
    public void Every_call_has_the_recorded_bits(string width)
    {
        Backend backend = Backend.All.Single(b => b.Name == width);
        using var team = new WorkerTeam(2);
        BitProblem[] problems = [.. BitProblem.All()];
        Assert.True(problems.Length > 400, $"{problems.Length} problems");
        Assert.Equal(problems.Length, problems.Select(p => p.Id).Distinct().Count());
        string[] lines = [.. problems.Where(p => Applies(p, backend)).Select(p => $"{p.Id} {BitProblem.Text(p.Hash(backend, team))}")];
        if (Environment.GetEnvironmentVariable(Variable) == "1" && width == "simd-512")
            File.WriteAllLines(PathOf(), lines);
        Dictionary<string, string> recorded = Recorded();
        Assert.All(lines, line => Assert.Equal($"{line.Split(' ')[0]} {recorded[line.Split(' ')[0]]}", line));
    }

    [Fact]
    public void The_record_knows_no_other_calls()
    {
        string[] recorded = [.. File.ReadAllLines(PathOf()).Select(line => line.Split(' ')[0])];
        Assert.Equal(BitProblem.All().Select(p => p.Id), recorded);
    }

    /// <summary>Narrow weights are refused where they would not be faster: 8-bit integers pay later at narrow vectors.</summary>
    private static bool Applies(BitProblem problem, Backend backend) => problem.Format != WeightFormat.Int8 || backend.Name == "simd-512";

    /// <summary>The recorded hash of every id.</summary>
    internal static Dictionary<string, string> Recorded() => File.ReadAllLines(PathOf()).Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => parts[1]);

    private static string PathOf() => Path.Combine(Repository.Root, "tests", "FastRecurrence.Tests", "Bits", "recorded-bits.txt");
}
