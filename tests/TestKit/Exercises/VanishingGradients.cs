using FastRecurrence.Measuring;

namespace FastRecurrence.TestKit.Exercises;

/// <summary>Exercise 1: which network, and why gradients vanish.</summary>
internal sealed class VanishingGradients() : Exercise("1", "Which network, and why gradients vanish")
{
    /// <summary>T−t and ‖∂h_T/∂h_t‖ (Frobenius) for the linear cell below.</summary>
    private static readonly (int Steps, double Norm)[] s_norms =
    [
        (1, 0.9327379053088815), (2, 0.7653757247260982), (4, 0.5683331593352617), (8, 0.31771247481708015), (16, 0.09918906731861168),
    ];

    /// <summary>W_h of exercise 5; its spectral radius is 0.6 + √0.07 = 0.8646.</summary>
    private static readonly double[] s_recurrent = [0.5, 0.2, 0.3, 0.7];
    private static readonly double s_radius = 0.6 + Math.Sqrt(0.07);

    private const int Days = 5, PerturbedDay = 3;

    protected override void Compute(ExerciseMachine machine, NumberList numbers)
    {
        (int forward, int both) = FirstChanged(machine);
        numbers.Add($"first output moved by x_{PerturbedDay}, unidirectional", PerturbedDay, forward);
        numbers.Add($"first output moved by x_{PerturbedDay}, bidirectional", 1, both);
        double[] norms = GradientNorms(machine, s_recurrent, s_norms[^1].Steps);
        foreach ((int steps, double norm) in s_norms)
            numbers.Add($"‖∂h_T/∂h_t‖, T-t={steps}", norm, norms[steps]);
        if (machine.BackwardNorms(Linear(s_recurrent), s_norms[^1].Steps) is not { } backward)
            return;
        foreach ((int steps, double norm) in s_norms)
            numbers.Add($"‖∂h_T/∂h_t‖ by the backward pass, T-t={steps}", norm, backward[^(steps + 1)]);
    }

    public override IEnumerable<string> Explain(ExerciseMachine machine)
    {
        yield return "Unidirectional or bidirectional? Unidirectional: a mood depends on past days, and future weather adds nothing.";
        (double[] forward, double[] both) = Changes(machine);
        yield return $"In numbers: x_{PerturbedDay} of {Days} days is moved by 1; how far does each output move?";
        foreach (string line in TextTable.Render(
            [new("network", Left: true), .. Enumerable.Range(1, Days).Select(day => new TextTable.Column($"y_{day}"))],
            [["unidirectional", .. forward.Select(Digits.Short)], ["bidirectional", .. both.Select(Digits.Short)]]))
            yield return line;

        yield return "";
        yield return "Why do vanishing gradients hurt a recurrent net more than a deep feed-forward net? It multiplies by one and the same matrix in";
        yield return "every step, while each feed-forward layer has its own. In numbers: ‖∂h_T/∂h_t‖ (Frobenius) of a linear cell, column j computed as";
        yield return "h_T(h_t + e_j) - h_T(h_t); W_h = [[0.5, 0.2], [0.3, 0.7]] (spectral radius 0.8646), the same scaled to radius 1.15, and a stack";
        yield return "with a fresh matrix per layer (turned at random, each scaled by its own factor from 0.85 to 1.18):";
        double[] shrinking = GradientNorms(machine, s_recurrent, 16);
        double[] growing = GradientNorms(machine, [.. s_recurrent.Select(w => w * 1.15 / s_radius)], 16);
        double[] stack = FreshMatrixNorms(machine, 16);
        foreach (string line in TextTable.Render(
            [new("T-t"), new("shared, radius 0.8646"), new("0.8646^(T-t)"), new("shared, radius 1.15"), new("a fresh matrix per layer")],
            [.. s_norms.Select(n => (string[])[$"{n.Steps}", Digits.Significant(shrinking[n.Steps], 6), Digits.Significant(Math.Pow(s_radius, n.Steps), 6), Digits.Significant(growing[n.Steps], 6), Digits.Significant(stack[n.Steps], 6)])]))
            yield return line;
        yield return "A shared matrix shrinks or grows the norm geometrically with its spectral radius; separate matrices need not.";
    }

    /// <summary>‖∂h_t/∂h_0‖ of a linear cell for t = 0..steps: row 0 of the batch is h_0, rows 1 and 2 are h_0 + e_j.</summary>
    private static double[] GradientNorms(ExerciseMachine machine, double[] recurrent, int steps)
    {
        SheetTrace trace = machine.Run(Linear(recurrent), new double[steps * 3], steps, N: 3, h0: Rows(0.1, 0.2));
        return [Math.Sqrt(2), .. Enumerable.Range(0, steps).Select(t => ColumnNorm(trace.Hidden.AsSpan(t * 6, 6)))];
    }

    /// <summary>The same where every step has another matrix: a rotation by a random angle, scaled by a random factor.</summary>
    private static double[] FreshMatrixNorms(ExerciseMachine machine, int steps)
    {
        var random = new Random(5);
        double[] h = Rows(0.1, 0.2);
        var norms = new double[steps + 1];
        norms[0] = Math.Sqrt(2);
        for (int layer = 1; layer <= steps; layer++)
        {
            double angle = 2 * Math.PI * random.NextDouble(), gain = Math.Exp((2 * random.NextDouble() - 1) * 0.1655);
            (double cos, double sin) = (gain * Math.Cos(angle), gain * Math.Sin(angle));
            h = machine.Run(Linear([cos, -sin, sin, cos]), new double[3], 1, N: 3, h0: h).Hidden;
            norms[layer] = ColumnNorm(h);
        }

        return norms;
    }

    private static SheetLayer Linear(double[] recurrent) => new(LayerShape.Elman(1, 2, Activation.Linear), [0, 0], recurrent, [0, 0]);

    private static double[] Rows(double a, double b) => [a, b, a + 1, b, a, b + 1];

    private static double ColumnNorm(ReadOnlySpan<double> rows)
    {
        double sum = 0;
        for (int j = 1; j <= 2; j++)
        {
            for (int unit = 0; unit < 2; unit++)
            {
                double difference = rows[j * 2 + unit] - rows[unit];
                sum += difference * difference;
            }
        }

        return Math.Sqrt(sum);
    }

    private static (int Forward, int Both) FirstChanged(ExerciseMachine machine)
    {
        (double[] forward, double[] both) = Changes(machine);
        return (1 + Array.FindIndex(forward, d => d != 0), 1 + Array.FindIndex(both, d => d != 0));
    }

    /// <summary>How far each day's output moves with x of one day: a tanh cell of size 1, and the sum of two such cells that read in opposite directions.</summary>
    private static (double[] Forward, double[] Both) Changes(ExerciseMachine machine)
    {
        var layer = new SheetLayer(LayerShape.Elman(1, 1), [0.5], [0.5], [0]);
        double[] weather = [0.3, -0.2, 0.1, 0.4, -0.1];
        double[] moved = [.. weather.Select((x, day) => day == PerturbedDay - 1 ? x + 1 : x)];

        // Two rows of a batch: the weather as it is, and with one day moved.
        double[] Differences(IEnumerable<int> days)
        {
            double[] h = machine.Run(layer, [.. days.SelectMany(d => (double[])[weather[d], moved[d]])], Days, N: 2).Hidden;
            return [.. Enumerable.Range(0, Days).Select(t => h[2 * t + 1] - h[2 * t])];
        }

        int[] order = [.. Enumerable.Range(0, Days)];
        double[] forward = Differences(order);
        double[] reverse = [.. Differences(order.Reverse()).Reverse()];
        return (forward, [.. forward.Zip(reverse, (a, b) => a + b)]);
    }
}
