using FastRecurrence.Measuring;

namespace FastRecurrence.TestKit.Exercises;

/// <summary>Exercise 6: one LSTM step, hidden size 2.</summary>
internal sealed class LstmStep() : Exercise("6", "One LSTM step, hidden size 2")
{
    /// <summary>A gate with its weights as the sheet gives them.</summary>
    private sealed record Gate(string Name, double[] W, double[] U, double[] B, double[] Exact, decimal[] Printed);

    private static readonly Gate
        s_forget = new("f", [0.4, -0.2], [0.1, 0.3, 0.2, 0.5], [0.1, -0.1], [0.6387631751488418, 0.4551211076264199], [0.639m, 0.455m]),
        s_input = new("i", [0.2, -0.3], [0.4, 0.2, -0.1, 0.3], [0.05, -0.05], [0.5817593768418363, 0.425557483188341], [0.582m, 0.426m]),
        s_output = new("o", [-0.3, 0.5], [0.2, -0.2, 0.1, 0.4], [0.02, 0.01], [0.425557483188341, 0.6456563062257954], [0.426m, 0.646m]),
        s_candidate = new("g", [0.3, 0.1], [-0.2, 0.3, 0.4, -0.1], [0, 0.1], [0.3274773948087053, 0.2165180614930289], [0.327m, 0.217m]);

    /// <summary>The kernels' order of gate blocks.</summary>
    private static readonly Gate[] s_blocks = [s_input, s_forget, s_candidate, s_output];

    private static readonly double[] s_x = [1], s_h0 = [0.1, 0.2], s_c0 = [0.05, 0.1];
    private static readonly double[] s_c = [0.2224512038911425, 0.1376529920764338], s_h = [0.0931345781755692, 0.0883193903441006];
    private static readonly decimal[] s_printedC = [0.222m, 0.138m], s_printedH = [0.093m, 0.089m];

    public override IReadOnlyList<string> Slips => ["h[1] = 0.089 comes from the rounded 0.646·0.137; exact is 0.0883."];

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        SheetTrace trace = Solve(machine);
        foreach (Gate gate in (Gate[])[s_forget, s_input, s_output, s_candidate])
        {
            for (int unit = 0; unit < 2; unit++)
                numbers.Add($"{gate.Name}[{unit}]", gate.Exact[unit], Of(trace, gate, unit), gate.Printed[unit]);
        }

        for (int unit = 0; unit < 2; unit++)
            numbers.Add($"c[{unit}]", s_c[unit], trace.Cell[unit], s_printedC[unit]);
        for (int unit = 0; unit < 2; unit++)
            numbers.Add($"h[{unit}]", s_h[unit], trace.Hidden[unit], s_printedH[unit]);
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        SheetTrace trace = Solve(machine);
        yield return "x_t = 1, h_(t-1) = (0.1, 0.2), c_(t-1) = (0.05, 0.1); gates σ(W x + U h + b), candidate g (the sheet's c̃) tanh(W x + U h + b):";
        var rows = new List<string[]>();
        foreach (Gate gate in (Gate[])[s_forget, s_input, s_output, s_candidate])
        {
            rows.Add([
                gate.Name, Pair(gate.W), $"[[{Digits.Short(gate.U[0])}, {Digits.Short(gate.U[1])}], [{Digits.Short(gate.U[2])}, {Digits.Short(gate.U[3])}]]", Pair(gate.B),
                Pair([Preactivation(gate, 0), Preactivation(gate, 1)]), Pair([Of(trace, gate, 0), Of(trace, gate, 1)]), $"{gate.Printed[0]}, {gate.Printed[1]}"]);
        }

        foreach (string line in TextTable.Render(
            [new("gate", Left: true), new("W", Left: true), new("U", Left: true), new("b", Left: true), new("preactivation", Left: true), new("computed", Left: true), new("printed", Left: true)], rows))
            yield return line;
        for (int unit = 0; unit < 2; unit++)
        {
            yield return $"  c[{unit}] = {Short(trace, s_forget, unit)}·{Digits.Short(s_c0[unit])} + {Short(trace, s_input, unit)}·{Short(trace, s_candidate, unit)} = {Digits.Short(trace.Cell[unit])}" +
                $"   h[{unit}] = {Short(trace, s_output, unit)}·tanh({Digits.Short(trace.Cell[unit])}) = {Digits.Short(trace.Hidden[unit])}";
        }
    }

    private static SheetTrace Solve(ExerciseMachine machine)
    {
        double[] Blocks(Func<Gate, double[]> part) => [.. s_blocks.SelectMany(part)];
        var layer = new SheetLayer(LayerShape.Lstm(1, 2), Blocks(g => g.W), Blocks(g => g.U), Blocks(g => g.B));
        return machine.Run(layer, s_x, 1, h0: s_h0, c0: s_c0);
    }

    private static double Of(SheetTrace trace, Gate gate, int unit) => trace.Gates[2 * Array.IndexOf(s_blocks, gate) + unit];

    private static double Preactivation(Gate gate, int unit) =>
        gate.W[unit] * s_x[0] + gate.U[2 * unit] * s_h0[0] + gate.U[2 * unit + 1] * s_h0[1] + gate.B[unit];

    private static string Short(SheetTrace trace, Gate gate, int unit) => Digits.Short(Of(trace, gate, unit));

    private static string Pair(double[] pair) => $"{Digits.Short(pair[0])}, {Digits.Short(pair[1])}";
}
