using System.Globalization;

namespace FastRecurrence.Tests.Faults;

/// <summary>
/// Random calls, right and wrong, from one thread and from two, with things disposed in between. A call that is refused has changed nothing; a call
/// that is taken gives the bits of single rows and single steps.
/// </summary>
public sealed class ApiPropertyTests
{
    /// <summary>How many sequences to try; a nightly run sets 20000 or more. Without it, as many as fit into ten seconds, up to 1500.</summary>
    private const string CountVariable = "FASTRECURRENCE_API_SEQUENCES";

    /// <summary>The first sequence's number, to repeat one that failed.</summary>
    private const string FirstVariable = "FASTRECURRENCE_API_FIRST";

    [Fact]
    public void A_refused_call_changes_nothing_and_a_taken_one_is_right()
    {
        int? asked = Number(CountVariable);
        int first = Number(FirstVariable) ?? 1, count = asked ?? 1500, done = 0;
        long end = Environment.TickCount64 + 10_000, refused = 0, taken = 0, races = 0;
        for (; done < count && (asked is not null || Environment.TickCount64 < end); done++)
        {
            using var world = new ApiWorld(first + done);
            try
            {
                world.Live();
            }
            catch (Exception e)
            {
                string again = $"{FirstVariable}={first + done} {CountVariable}=1 repeats it";
                throw new InvalidOperationException($"sequence {first + done} ({again}), {world}: {e.Message}", e);
            }

            refused += world.Refusals;
            taken += world.Taken;
            races += world.Races;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{done} sequences: {taken} calls taken, {refused} refused, {races} races");
        Assert.True(done >= Math.Min(count, 10), $"only {done} sequences in the time");
        Assert.True(refused > done && taken > done);
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
