using System.Reflection;
using FastRecurrence.Cli.Tests.Tool;

namespace FastRecurrence.Cli.Tests.BadInputs;

/// <summary>The tool's part of the catalogue of bad inputs.</summary>
public sealed class ToolBadInputTests
{
    /// <summary>Numbers that a test elsewhere holds: the class and its method.</summary>
    private static readonly (int Number, Type Class, string Method)[] s_tests =
    [
        (42, typeof(CommandTests), nameof(CommandTests.A_device_that_does_not_exist_gives_1_and_lists_those_that_do)),
        (45, typeof(CommandTests), nameof(CommandTests.A_device_that_fails_drops_out_and_the_others_go_on)),
        (55, typeof(UsageTests), nameof(UsageTests.No_arguments_give_a_short_help_and_2)),
        (56, typeof(UsageTests), nameof(UsageTests.A_wrong_line_is_told_in_one_line_and_gives_2)),
        (57, typeof(UsageTests), nameof(UsageTests.A_wrong_line_is_told_in_one_line_and_gives_2)),
        (58, typeof(InspectTests), nameof(InspectTests.Refused_files_give_1_and_one_line)),
        (60, typeof(CommandTests), nameof(CommandTests.A_stdout_that_cannot_be_written_is_told_in_one_line)),
        (69, typeof(CommandTests), nameof(CommandTests.Cancelling_gives_130_in_one_line)),
        (69, typeof(VerifyModesTests), nameof(VerifyModesTests.Fuzzing_stops_at_once_with_130)),
        (70, typeof(CommandTests), nameof(CommandTests.A_named_but_absent_backend_gives_1_and_the_reason_and_the_others_run)),
        (71, typeof(CommandTests), nameof(CommandTests.Numbers_do_not_depend_on_the_locale)),
    ];

    public static TheoryData<string> Calls => [.. ToolCalls.All().Select(c => c.ToString())];

    [Theory]
    [MemberData(nameof(Calls))]
    public void Is_refused_as_it_says_or_taken(string name)
    {
        BadCall call = ToolCalls.All().Single(c => c.ToString() == name);
        if (call.Type is null)
        {
            call.Do();
            return;
        }

        Exception e = Assert.Throws(call.Type, call.Do);
        Assert.DoesNotContain("\n", e.Message);
        Assert.All(call.Says, word => Assert.Contains(word, e.Message));
    }

    [Fact]
    public void The_tools_numbers_are_accounted_for()
    {
        IEnumerable<int> tested = ToolCalls.All().Select(c => c.Number).Concat(s_tests.Select(t => t.Number)).Distinct().Order();
        // What cannot be read is a matter of Linux' own file system.
        Assert.Equal(BadInputCatalogue.OfTheTool, tested);
        Assert.All(s_tests, t => Assert.True(t.Class.GetMethod(t.Method)?.GetCustomAttributes<FactAttribute>().Any(), $"{t.Number}: {t.Class.Name}.{t.Method} is no test"));
    }
}
