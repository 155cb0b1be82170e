using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary><c>preactivation[row, quad] = b + x·W</c> for all T·N rows at once; the same for every cell.</summary>
internal static class InputGemmKernel
{
    /// <summary>The kernel. Grid: row tiles × quad tiles.</summary>
    public static void Run<TBlock>(ArrayView<float> input, ArrayView<Quad> weights, ArrayView<Quad> bias, ArrayView<Quad> preactivation, int rowCount, int inputSize, int quads)
        where TBlock : unmanaged, IBlock<TBlock>
    {
        Ends ends = default;
        (ends.Bias, ends.Preactivation, ends.RowCount, ends.Quads) = (bias, preactivation, rowCount, quads);
        GemmTile.Run<TBlock, Ends>(input, weights, rowCount, quads, inputSize, ends);
    }

    private struct Ends : IChainEnds<Ends>
    {
        public ArrayView<Quad> Bias, Preactivation;
        public int RowCount, Quads;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Quad Begin(Ends self, int row, int quad) => quad < self.Quads ? self.Bias[quad] : Quad.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void End(Ends self, int row, int quad, Quad sum)
        {
            if (row < self.RowCount && quad < self.Quads)
                self.Preactivation[row * self.Quads + quad] = sum;
        }
    }
}
