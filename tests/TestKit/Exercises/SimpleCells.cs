using FastRecurrence.Measuring;

namespace FastRecurrence.TestKit.Exercises;

/// <summary>Exercise 2: linear hidden, linear output.</summary>
internal sealed class RunningSum() : Exercise("2", "Linear hidden, linear output")
{
    private static readonly double[] s_x = [2, -0.5, 1];
    private static readonly double[] s_sums = [2, 1.5, 2.5];
    private static readonly decimal[] s_printed = [2m, 1.5m, 2.5m];

    public override IReadOnlyList<string> Slips => ["the line for h_2 prints 1·(-0.5) + 1·1 and means + 1·2; its result 1.5 is right."];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
        {
            numbers.Add($"h_{t + 1}", s_sums[t], h[t], s_printed[t]);
            numbers.Add($"y_{t + 1}", s_sums[t], y[t], s_printed[t]);
        }
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "h_t = W_x x_t + W_h h_(t-1), y_t = W_y h_t, all weights 1, h_0 = 0:";
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
            yield return $"  h_{t + 1} = 1·({Digits.Short(s_x[t])}) + 1·{Digits.Short(t == 0 ? 0 : h[t - 1])} = {Digits.Short(h[t])}   y_{t + 1} = {Digits.Short(y[t])}";
        yield return "It computes the running sum of its inputs.";
    }

    private static (double[] H, double[] Y) Solve(ExerciseMachine machine)
    {
        double[] h = machine.Run(new SheetLayer(LayerShape.Elman(1, 1, Activation.Linear), [1], [1], [0]), s_x, 3).Hidden;
        return (h, machine.Output(h, [1], [0], Activation.Linear));
    }
}

/// <summary>Exercise 3: linear hidden, sigmoid output, two inputs.</summary>
internal sealed class SigmoidOutput() : Exercise("3", "Linear hidden, sigmoid output, two inputs")
{
    private static readonly double[] s_x = [2, -2, 0, 3.5, 1, 2.2];
    private static readonly double[] s_h = [4, 0.5, -0.7];
    private static readonly double[] s_y = [0.9820137900379085, 0.6224593312018546, 0.3318122278318339];
    private static readonly decimal[] s_printed = [0.98m, 0.62m, 0.33m];

    public override IReadOnlyList<string> Slips => ["it says the output is -1 when the difference is largely negative; a sigmoid tends to 0 there."];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
        {
            numbers.Add($"h_{t + 1}", s_h[t], h[t]);
            numbers.Add($"y_{t + 1}", s_y[t], y[t], s_printed[t]);
        }
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "h_t = W_x x_t + W_h h_(t-1), y_t = σ(W_y h_t), W_x = (1, -1), W_h = W_y = 1, h_0 = 0:";
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
        {
            yield return $"  h_{t + 1} = {Digits.Short(s_x[2 * t])} - ({Digits.Short(s_x[2 * t + 1])}) + {Digits.Short(t == 0 ? 0 : h[t - 1])} = {Digits.Short(h[t])}" +
                $"   y_{t + 1} = σ({Digits.Short(h[t])}) = {Digits.Short(y[t])}";
        }

        yield return "It sums the differences of the two inputs: y is above 0.5 while the first has been the larger in total.";
    }

    private static (double[] H, double[] Y) Solve(ExerciseMachine machine)
    {
        double[] h = machine.Run(new SheetLayer(LayerShape.Elman(2, 1, Activation.Linear), [1, -1], [1], [0]), s_x, 3).Hidden;
        return (h, machine.Output(h, [1], [0], Activation.Sigmoid));
    }
}

/// <summary>Exercise 4: sigmoid hidden, linear output, biases.</summary>
internal sealed class SigmoidHidden() : Exercise("4", "Sigmoid hidden, linear output, biases")
{
    private static readonly double[] s_x = [18, 9, -8];
    private static readonly double[] s_h = [0.19781611144141825, 0.40105001683506847, 0.8022671862484869];
    private static readonly double[] s_y = [0.04945402786035456, 0.10026250420876712, 0.20056679656212173];
    private static readonly decimal[] s_printedH = [0.2m, 0.4m, 0.8m], s_printedY = [0.05m, 0.1m, 0.2m];

    public override IReadOnlyList<string> Slips =>
        ["it rounds h to one decimal before each next step (preactivations -1.4, -0.4, 1.4); with that rounding its numbers come out exactly."];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
        {
            numbers.Add($"h_{t + 1}", s_h[t], h[t], s_printedH[t]);
            numbers.Add($"y_{t + 1}", s_y[t], y[t], s_printedY[t]);
        }
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "h_t = σ(W_x x_t + W_h h_(t-1) + b_h), y_t = W_y h_t + b_y, W_x = -0.1, W_h = 0.5, W_y = 0.25, b_h = 0.4, b_y = 0, h_0 = 0:";
        (double[] h, double[] y) = Solve(machine);
        for (int t = 0; t < 3; t++)
        {
            double before = t == 0 ? 0 : h[t - 1];
            yield return $"  h_{t + 1} = σ(-0.1·({Digits.Short(s_x[t])}) + 0.5·{Digits.Short(before)} + 0.4) = σ({Digits.Short(-0.1 * s_x[t] + 0.5 * before + 0.4)}) = {Digits.Short(h[t])}" +
                $"   y_{t + 1} = {Digits.Short(y[t])}";
        }

        yield return "The same with h rounded to one decimal before the next step, as the sheet does:";
        double rounded = 0;
        for (int t = 0; t < 3; t++)
        {
            double a = -0.1 * s_x[t] + 0.5 * rounded + 0.4;
            rounded = Math.Round(machine.Run(Layer, [s_x[t]], 1, h0: [rounded]).Hidden[0], 1);
            yield return $"  h_{t + 1} = σ({Digits.Short(a)}) ≈ {Digits.Places(rounded, 1)}   y_{t + 1} = {Digits.Short(0.25 * rounded)}";
        }
    }

    private static SheetLayer Layer => new(LayerShape.Elman(1, 1, Activation.Sigmoid), [-0.1], [0.5], [0.4]);

    private static (double[] H, double[] Y) Solve(ExerciseMachine machine)
    {
        double[] h = machine.Run(Layer, s_x, 3).Hidden;
        return (h, machine.Output(h, [0.25], [0], Activation.Linear));
    }
}

/// <summary>Exercise 5: an Elman cell with tanh, hidden size 2.</summary>
internal sealed class TanhCell() : Exercise("5", "Elman cell with tanh, hidden size 2")
{
    private static readonly double[] s_h = [0.5370495669980353, 0.09966799462495582, 0.9030406827771663, 0.40605853483941073];
    private static readonly decimal[] s_printed = [0.5370m, 0.0997m, 0.9032m, 0.4063m];

    /// <summary>W_y of [2, 2] where [1, 2] is meant.</summary>
    private static readonly float[] s_wrongOutputWeights = [1, 0, 0, 1];

    public override IReadOnlyList<string> Slips => ["the last digits of h_2: tanh(1.4884) is 0.9030 and tanh(0.4309) is 0.4061, printed 0.9032 and 0.4063."];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        double[] h = Solve(machine);
        for (int i = 0; i < 4; i++)
            numbers.Add($"h_{1 + i / 2}[{i % 2}]", s_h[i], h[i], s_printed[i]);
        numbers.Add("W_y [2, 2] for y of size 1: refused (1) or taken (0)", 1, Refusal(machine) is null ? 0 : 1);
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "h_t = tanh(W_x x_t + W_h h_(t-1) + b_h), W_x = (0.6, 0.1)ᵀ, W_h = [[0.5, 0.2], [0.3, 0.7]], b_h = 0, h_0 = 0, x = 1, 2:";
        double[] h = Solve(machine);
        for (int t = 0; t < 2; t++)
        {
            (double a, double b) = t == 0 ? (0, 0) : (h[0], h[1]);
            yield return $"  preactivation_{t + 1} = ({Digits.Short(0.6 * (t + 1) + 0.5 * a + 0.2 * b)}, {Digits.Short(0.1 * (t + 1) + 0.3 * a + 0.7 * b)})" +
                $"   h_{t + 1} = ({Digits.Short(h[2 * t])}, {Digits.Short(h[2 * t + 1])})";
        }

        yield return "Dimensions: h_t in R^2, y_t in R^1, so W_y is [1, 2]. A W_y of [2, 2] is refused with both shapes:";
        yield return $"  {Refusal(machine) ?? "(taken: this is an error)"}";
        yield return "(W_y has no value on the sheet, so y is not checked.)";
    }

    private static double[] Solve(ExerciseMachine machine) =>
        machine.Run(new SheetLayer(LayerShape.Elman(1, 2), [0.6, 0.1], [0.5, 0.2, 0.3, 0.7], [0, 0]), [1, 2], 2).Hidden;

    private static string? Refusal(ExerciseMachine machine)
    {
        try
        {
            using var layer = new OutputLayer(machine.OutputBackend, hiddenSize: 2, outputSize: 1, s_wrongOutputWeights, [0.1f]);
            return null;
        }
        catch (ArgumentException e)
        {
            return $"W_y [2, 2]: {e.Message}";
        }
    }
}
