using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary><c>preactivation[row, column4] = b + x·W</c> for all T·N rows at once; the same for every cell.</summary>
internal static class InputGemmKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles.</summary>
    public static void Run<TBlock>(InputGemmArguments a)
        where TBlock : unmanaged, IThreadBlock<TBlock> =>
        GemmLoop.Run<TBlock, InputGemmEnds>(a.Input, a.Weights, a.RowCount, a.Columns4, a.InputSize, new InputGemmEnds { Gemm = a });
}

/// <summary>The same by <see cref="AsyncGemmLoop"/>, bit for bit.</summary>
internal static class AsyncInputGemmKernel
{
    /// <summary>The kernel. Grid: row tiles × column tiles; I is a multiple of 4.</summary>
    public static void Run(InputGemmArguments a) =>
        AsyncGemmLoop.Run(a.Input, a.Weights, a.RowCount, a.Columns4, a.InputSize, new InputGemmEnds { Gemm = a });
}

/// <summary>From the bias to the preactivations.</summary>
internal struct InputGemmEnds : IChainEnds<InputGemmEnds>
{
    public InputGemmArguments Gemm;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Begin(InputGemmEnds self, int row, int column4) => self.Gemm.Bias[IntrinsicMath.Min(column4, self.Gemm.Columns4 - 1)];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Carried(InputGemmEnds self, int row, int column4) => 0f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End(InputGemmEnds self, int row, int column4, Float4 sum, float carried)
    {
        if (row >= self.Gemm.RowCount || column4 >= self.Gemm.Columns4)
            return;
        int at = row * self.Gemm.Columns4 + column4;
        self.Gemm.Preactivation[at] = sum;
        // As integers: ILGPU writes a NaN into OpenCL sources as NAN, which is another one.
        if (self.Gemm.UnwrittenUnits == 1)
            self.Gemm.Unwritten.Cast<int>()[at] = unchecked((int)Words.Unwritten);
        if (self.Gemm.UnwrittenUnits == 4)
        {
            BfloatPairs4 four = default;
            four.X = four.Y = four.Z = four.W = unchecked((int)Words.Unwritten);
            self.Gemm.Unwritten.Cast<BfloatPairs4>()[at] = four;
        }
    }
}
