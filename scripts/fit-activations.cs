#!/usr/bin/env dotnet
// Fits the polynomial in src/FastRecurrence/Cells/Activations.cs: expm1(r) = r + r²·q(r) on |r| ≤ ln 2 / 2.
//
//   dotnet run scripts/fit-activations.cs
//
// Remez exchange on q with the weight r²/(1+|expm1(r)|): the error that matters is the one of 2ⁿ(1 + t), and t is all of it.
// Each coefficient is then rounded to float from the highest power down, and the lower ones are fitted again around it, so that
// rounding errors are absorbed. Prints the coefficients, the largest error of t in units of 2⁻²⁴, and ln 2 in two parts.
const int Degree = 4;
const double Bound = 0.34657359027997264 * 1.0001;

var coefficients = new double[Degree + 1];
for (int fixedCount = 0; fixedCount <= Degree; fixedCount++)
{
    int free = Degree + 1 - fixedCount;
    double[] fitted = Remez(free, coefficients);
    for (int i = 0; i < free; i++)
        coefficients[i] = fitted[i];
    coefficients[free - 1] = (float)coefficients[free - 1];
}

Console.WriteLine("// expm1(r) = r + r²·(Q0 + Q1 r + …)");
for (int i = 0; i <= Degree; i++)
    Console.WriteLine(FormattableString.Invariant($"private const float Q{i} = {(float)coefficients[i]:G9}f;"));
double worst = 0;
for (double r = -Bound; r <= Bound; r += Bound / 20000)
    worst = Math.Max(worst, Math.Abs(Error(r, coefficients)));
Console.WriteLine(FormattableString.Invariant($"// largest error of 1 + t, relative, in units of 2^-24: {worst * Math.Pow(2, 24):F4}"));

float high = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)Math.Log(2)) & ~0x1FF);
Console.WriteLine(FormattableString.Invariant($"private const float Ln2High = {high:G9}f; // 9 trailing zero bits"));
Console.WriteLine(FormattableString.Invariant($"private const float Ln2Low = {(float)(Math.Log(2) - high):G9}f;"));
Console.WriteLine(FormattableString.Invariant($"private const float Log2E = {(float)(1 / Math.Log(2)):G9}f;"));

// q exactly, by its Taylor series: (eʳ − 1 − r)/r² loses all digits near 0.
static double Exact(double r)
{
    double sum = 0, term = 0.5;
    for (int k = 3; k < 24; k++)
    {
        sum += term;
        term *= r / k;
    }

    return sum;
}

static double Weight(double r) => r * r / (1 + r + r * r * Exact(r));

static double Evaluate(double r, double[] c)
{
    double q = 0;
    for (int i = c.Length - 1; i >= 0; i--)
        q = q * r + c[i];
    return q;
}

static double Error(double r, double[] c) => (Evaluate(r, c) - Exact(r)) * Weight(r);

// Minimax fit of the lowest `free` coefficients, the others kept as they are.
static double[] Remez(int free, double[] kept)
{
    double[] nodes = [.. Enumerable.Range(0, free + 1).Select(i => -Bound * Math.Cos(Math.PI * i / free))];
    // The weight vanishes at 0: a node there would make the system singular.
    for (int i = 0; i < nodes.Length; i++)
        nodes[i] = Math.Abs(nodes[i]) < 1e-3 ? 0.02 : nodes[i];

    double[] c = new double[free];
    for (int iteration = 0; iteration < 30; iteration++)
    {
        var matrix = new double[free + 1, free + 2];
        for (int i = 0; i <= free; i++)
        {
            double r = nodes[i], tail = 0;
            for (int k = kept.Length - 1; k >= free; k--)
                tail += kept[k] * Math.Pow(r, k);
            for (int k = 0; k < free; k++)
                matrix[i, k] = Math.Pow(r, k);
            matrix[i, free] = (i % 2 == 0 ? 1 : -1) / Weight(r);
            matrix[i, free + 1] = Exact(r) - tail;
        }

        double[] solution = Solve(matrix);
        c = solution[..free];
        double[] all = [.. c, .. kept[free..]];
        nodes = Extrema(all, free + 1, nodes);
    }

    return c;
}

// The largest error between each pair of sign changes.
static double[] Extrema(double[] c, int count, double[] before)
{
    var found = new List<(double At, double Error)>();
    const int steps = 4000;
    for (int i = 0; i <= steps; i++)
    {
        double r = -Bound + 2 * Bound * i / steps, e = Error(r, c);
        if (found.Count > 0 && Math.Sign(found[^1].Error) == Math.Sign(e))
        {
            if (Math.Abs(e) > Math.Abs(found[^1].Error))
                found[^1] = (r, e);
        }
        else if (e != 0)
        {
            found.Add((r, e));
        }
    }

    while (found.Count > count)
        found.RemoveAt(Math.Abs(found[0].Error) < Math.Abs(found[^1].Error) ? 0 : found.Count - 1);
    return found.Count == count ? [.. found.Select(f => f.At)] : before;
}

static double[] Solve(double[,] m)
{
    int n = m.GetLength(0);
    for (int column = 0; column < n; column++)
    {
        int pivot = column;
        for (int row = column + 1; row < n; row++)
            pivot = Math.Abs(m[row, column]) > Math.Abs(m[pivot, column]) ? row : pivot;
        for (int k = 0; k <= n; k++)
            (m[column, k], m[pivot, k]) = (m[pivot, k], m[column, k]);
        for (int row = 0; row < n; row++)
        {
            if (row == column)
                continue;
            double factor = m[row, column] / m[column, column];
            for (int k = column; k <= n; k++)
                m[row, k] -= factor * m[column, k];
        }
    }

    return [.. Enumerable.Range(0, n).Select(i => m[i, n] / m[i, i])];
}
