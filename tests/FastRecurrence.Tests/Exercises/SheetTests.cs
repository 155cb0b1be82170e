using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Tests.Exercises;

/// <summary>
/// The sheet as the tool runs it: nothing is missing, no tolerance is too mild. That each number is right on each
/// backend is for BackendContract to say.
/// </summary>
public sealed class SheetTests
{
    private static readonly IReadOnlyList<ExerciseResult> s_reference = ExerciseSheet.Run(Backend.Reference);

    [Fact]
    public void Every_number_of_the_sheet_is_there_with_what_it_prints()
    {
        (string, string)[] expected =
        [
            .. from t in (int[])[1, 2, 4, 8, 16] select ("1", $"‖∂h_T/∂h_t‖, T-t={t}"),
            .. from e in (string[])["2", "3", "4"] from t in (int[])[1, 2, 3] from q in (string[])["h", "y"] select (e, $"{q}_{t}"),
            .. from t in (int[])[1, 2] from j in (int[])[0, 1] select ("5", $"h_{t}[{j}]"),
            .. from q in (string[])["f", "i", "o", "g", "c", "h"] from j in (int[])[0, 1] select ("6", $"{q}[{j}]"),
            .. from q in (string[])["f", "i", "o"] from t in (int[])[1, 2, 3, 4] select ("7", $"{q}_{t}"),
            .. from t in (int[])[1, 2, 3, 4] select ("7", $"part 1: c_{t}"),
            ("7", "part 2: c_2"), ("7", "part 3: c_4"), ("7", "part 3: h_4"),
        ];
        Assert.Empty(expected.Except(s_reference.Select(r => (r.Exercise, r.Quantity))));
        // 3 + 3 in exercise 2, 3 in 3, 3 + 3 in 4, 4 in 5, 12 in 6, 4 + 1 + 2 in 7.
        Assert.Equal(38, s_reference.Count(r => r.Printed is not null));
    }

    [Fact]
    public void Reference_is_held_to_1e_12_and_floats_to_1e_6()
    {
        Assert.All(s_reference, r => Assert.True(r.Error <= 1e-12, $"{r}"));
        Assert.All(ExerciseSheet.Run(Backend.Simd), r => Assert.True(r.Error <= 1e-6, $"{r}"));
        Assert.Contains(ExerciseSheet.Run(Backend.Simd), r => r.Error > 1e-12);
    }

    /// <summary>The exact values are the sheet's up to its own rounding: half a unit of its last place, or what its named slips explain.</summary>
    [Fact]
    public void Printed_numbers_are_the_exact_ones_rounded_but_for_the_named_slips()
    {
        string[] slips = ["5 h_2[0]", "5 h_2[1]", "6 h[1]"];
        foreach (ExerciseResult r in s_reference.Where(r => r.Printed is not null))
        {
            double halfUnit = 0.5 * Math.Pow(10, -r.Printed!.Value.Scale) * (1 + 1e-9);
            bool rounded = Math.Abs(r.Expected - (double)r.Printed.Value) <= halfUnit;
            Assert.True(rounded || slips.Contains($"{r.Exercise} {r.Quantity}"), $"{r.Exercise} {r.Quantity}: printed {r.Printed}, exact {r.Expected}");
        }
    }

    [Fact]
    public void A_wrong_number_is_not_ok()
    {
        ExerciseResult right = s_reference[0];
        Assert.True(right.Ok);
        Assert.False(new Wrong(0.5 + 1e-5).Run(ExerciseMachine.On(Backend.Simd))[0].Ok);
        Assert.False(new Wrong(0.5 + 1e-9).Run(ExerciseMachine.On(Backend.Reference))[0].Ok);
        Assert.False(new Wrong(double.NaN).Run(ExerciseMachine.On(Backend.Simd))[0].Ok);
        Assert.True(new Wrong(0.5 + 1e-9).Run(ExerciseMachine.On(Backend.Simd))[0].Ok);
        Assert.Equal((0, 1), ExerciseSheet.Score(new Wrong(1).Run(ExerciseMachine.On(Backend.Simd))));
    }

    [Fact]
    public void Explanations_show_the_worked_steps_of_every_backend()
    {
        foreach (Backend backend in (Backend[])[Backend.Reference, Backend.Simd])
        {
            ExerciseMachine machine = ExerciseMachine.On(backend);
            string[] text = [.. ExerciseSheet.All.Select(e => string.Join('\n', e.Explain(machine)))];
            Assert.Contains("0.0991891", text[0]);                                     // the norm at T-t = 16
            Assert.Contains("1·2", text[1]);                                           // what the sheet meant to print
            Assert.Contains("σ(-0.7)", text[2]);
            Assert.Contains("σ(-1.4)", text[3]);                                       // the sheet's rounded path
            Assert.Contains("W_y [2, 2]", text[4]);
            Assert.Contains("[1, 2]", text[4]);
            Assert.Contains("0.57, -0.18", text[5]);                                   // f's preactivation in the gate table
            Assert.Contains("0.638763, 0.455121", text[5]);
            Assert.Contains("0.578417", text[6]);
        }
    }

    private sealed class Wrong(double actual) : Exercise("0", "a number that is given")
    {
        public override IEnumerable<string> Explain(ExerciseMachine machine) => [];

        protected override void Compute(ExerciseMachine machine, NumberList numbers) => numbers.Add("x", 0.5, actual);
    }
}
