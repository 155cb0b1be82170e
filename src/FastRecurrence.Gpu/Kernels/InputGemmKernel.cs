using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary><c>preactivation[row, column4] = b + x·W</c> for all T·N rows at once; the same for every cell.</summary>
internal static class InputGemmKernel
{
    /// <summary>The kernel. Grid: row tiles × float4 column tiles.</summary>
    public static void Run<TBlock>(InputGemmArguments a)
        where TBlock : unmanaged, IThreadBlock<TBlock>
    {
        Ends ends = default;
        (ends.Bias, ends.Preactivation, ends.RowCount, ends.Columns4) = (a.Bias, a.Preactivation, a.RowCount, a.Columns4);
        GemmLoop.Run<TBlock, Ends>(a.Input, a.Weights, a.RowCount, a.Columns4, a.InputSize, ends);
    }

    private struct Ends : IChainEnds<Ends>
    {
        public ArrayView<Float4> Bias, Preactivation;
        public int RowCount, Columns4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float4 Begin(Ends self, int row, int column4) => column4 < self.Columns4 ? self.Bias[column4] : Float4.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void End(Ends self, int row, int column4, Float4 sum)
        {
            if (row < self.RowCount && column4 < self.Columns4)
                self.Preactivation[row * self.Columns4 + column4] = sum;
        }
    }
}
