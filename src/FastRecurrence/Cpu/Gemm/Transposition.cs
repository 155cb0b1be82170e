using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Cpu;

/// <summary>Rows that become columns. Moves floats as they are.</summary>
internal static unsafe class Transposition
{
    /// <summary><c>to[column][row] = from[row][column]</c>.</summary>
    /// <param name="from">The first row.</param>
    /// <param name="fromStep">Floats to the next one.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="to">Where the first column goes.</param>
    /// <param name="toStep">Floats to the next one.</param>
    public static void Block(float* from, nint fromStep, int rows, int columns, float* to, nint toStep)
    {
        int row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            float* first = from + row * fromStep;
            Four(new FourRows(first, first + fromStep, first + 2 * fromStep, first + 3 * fromStep), 0, columns, to + row, toStep);
        }

        for (; row < rows; row++)
            One(from + row * fromStep, 0, columns, to + row, toStep);
    }

    /// <summary>Some columns of four rows, wherever they lie; <paramref name="to"/> is where column 0 goes.</summary>
    public static void Four(in FourRows rows, int first, int end, float* to, nint toStep)
    {
        float* a = rows.A, b = rows.B, c = rows.C, d = rows.D;
        int column = first;
        for (; Sse.IsSupported && column + 4 <= end; column += 4)
        {
            Vector128<float> va = Vector128.Load(a + column), vb = Vector128.Load(b + column), vc = Vector128.Load(c + column), vd = Vector128.Load(d + column);
            Vector128<float> ab = Sse.UnpackLow(va, vb), cd = Sse.UnpackLow(vc, vd);
            float* at = to + column * toStep;
            Sse.MoveLowToHigh(ab, cd).Store(at);
            Sse.MoveHighToLow(cd, ab).Store(at + toStep);
            (ab, cd) = (Sse.UnpackHigh(va, vb), Sse.UnpackHigh(vc, vd));
            Sse.MoveLowToHigh(ab, cd).Store(at + 2 * toStep);
            Sse.MoveHighToLow(cd, ab).Store(at + 3 * toStep);
        }

        for (; column < end; column++)
            Vector128.Create(a[column], b[column], c[column], d[column]).Store(to + column * toStep);
    }

    /// <summary>Some columns of one row.</summary>
    public static void One(float* row, int first, int end, float* to, nint toStep)
    {
        for (int column = first; column < end; column++)
            to[column * toStep] = row[column];
    }
}

/// <summary>Four rows of a matrix.</summary>
internal readonly unsafe struct FourRows(float* a, float* b, float* c, float* d)
{
    public float* A { get; } = a;

    public float* B { get; } = b;

    public float* C { get; } = c;

    public float* D { get; } = d;
}
