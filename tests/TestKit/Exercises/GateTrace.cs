using FastRecurrence.Measuring;

namespace FastRecurrence.TestKit.Exercises;

/// <summary>
/// Exercise 7: the gates are given, not computed. The fused kernels produce them all the same: x_t is one-hot, W holds
/// σ⁻¹(gate) and tanh⁻¹(candidate) of step t in column t, R = 0 and b = 0.
/// </summary>
internal sealed class GateTrace() : Exercise("7", "A trained LSTM reads \"I love this movie\"")
{
    private const int T = 4;
    private static readonly string[] s_words = ["I", "love", "this", "movie"];
    private static readonly double[] s_forget = [0.9, 0.1, 0.7, 0.8], s_input = [0.1, 0.9, 0.3, 0.5], s_output = [0.4, 0.8, 0.5, 0.6];
    private static readonly double[] s_forgetOnly = [0.9, 0.09, 0.063, 0.0504];
    private static readonly decimal[] s_printedForgetOnly = [0.9m, 0.09m, 0.063m, 0.0504m];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        SheetTrace alone = ForgetGatesAlone(machine);
        for (int t = 0; t < T; t++)
        {
            numbers.Add($"f_{t + 1}", s_forget[t], Gate(alone, t, 1));
            numbers.Add($"i_{t + 1}", s_input[t], Gate(alone, t, 0));
            numbers.Add($"o_{t + 1}", s_output[t], Gate(alone, t, 3));
        }

        for (int t = 0; t < T; t++)
            numbers.Add($"part 1: c_{t + 1}", s_forgetOnly[t], alone.Cell[t], s_printedForgetOnly[t]);
        numbers.Add("part 2: c_2", 0.81, WithTheInputGate(machine).Cell[1], 0.81m);
        SheetTrace last = TheLastStep(machine);
        numbers.Add("part 3: c_4", 2.0, last.Cell[0], 2.0m);
        numbers.Add("part 3: h_4", 0.5784165480454901, last.Hidden[0], 0.578m);
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "The gates are given. The fused kernels are made to produce them: x_t is one-hot, column t of W holds σ⁻¹ of step t's gates, R = 0:";
        SheetTrace alone = ForgetGatesAlone(machine);
        foreach (string line in TextTable.Render(
            [new("t"), new("word", Left: true), new("σ⁻¹(f)"), new("f"), new("σ⁻¹(i)"), new("i"), new("σ⁻¹(o)"), new("o"), new("c, forget gates alone")],
            [.. Enumerable.Range(0, T).Select(t => (string[])[
                $"{t + 1}", s_words[t],
                Digits.Short(Logit(s_forget[t])), Digits.Short(Gate(alone, t, 1)),
                Digits.Short(Logit(s_input[t])), Digits.Short(Gate(alone, t, 0)),
                Digits.Short(Logit(s_output[t])), Digits.Short(Gate(alone, t, 3)),
                Digits.Short(alone.Cell[t])])]))
            yield return line;
        SheetTrace second = WithTheInputGate(machine), last = TheLastStep(machine);
        yield return "1. Forget gates alone, c_0 = 1: the product of the f so far, in the last column.";
        yield return $"2. With the input gate at t = 2 and candidate 0.8: c_2 = 0.1·{Digits.Short(second.Cell[0])} + 0.9·0.8 = {Digits.Short(second.Cell[1])}";
        yield return $"3. With c_4 = 0.8·2.5 + 0.5·0 = {Digits.Short(last.Cell[0])}: h_4 = 0.6·tanh({Digits.Short(last.Cell[0])}) = {Digits.Short(last.Hidden[0])}";
        yield return "4. Forget and input gates control memory together; words of sentiment get high input gates; an LSTM reads in sequence and loses";
        yield return "   gradients over long ranges, where attention does not.";
    }

    private static SheetTrace ForgetGatesAlone(ExerciseMachine machine) => machine.Run(Layer(new double[T]), OneHot(0, T), T, c0: [1]);

    private static SheetTrace WithTheInputGate(ExerciseMachine machine) => machine.Run(Layer([0, 0.8, 0, 0]), OneHot(0, 2), 2, c0: [1]);

    private static SheetTrace TheLastStep(ExerciseMachine machine) => machine.Run(Layer(new double[T]), OneHot(3, 1), 1, c0: [2.5]);

    /// <summary>Rows of W in the kernels' order i, f, g, o; column t belongs to step t.</summary>
    private static SheetLayer Layer(double[] candidates) => new(
        LayerShape.Lstm(T, 1),
        [.. s_input.Select(Logit), .. s_forget.Select(Logit), .. candidates.Select(Math.Atanh), .. s_output.Select(Logit)],
        new double[4],
        new double[4]);

    private static double[] OneHot(int first, int steps) =>
        [.. Enumerable.Range(first, steps).SelectMany(t => Enumerable.Range(0, T).Select(k => k == t ? 1.0 : 0.0))];

    private static double Logit(double gate) => Math.Log(gate / (1 - gate));

    private static double Gate(SheetTrace trace, int t, int block) => trace.Gates[4 * t + block];
}
