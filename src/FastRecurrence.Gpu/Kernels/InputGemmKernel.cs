using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary><c>preactivation[row, unit, gate] = b + x·W</c> for all T·N rows at once.</summary>
internal static class InputGemmKernel
{
    /// <summary>The LSTM's.</summary>
    public static void Lstm(ArrayView<float> input, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> preactivation, int rowCount, int inputSize, int hiddenSize) =>
        Run(input, weights.Cast<Float4>(), bias.Cast<Float4>(), preactivation.Cast<Float4>(), rowCount, inputSize, hiddenSize);

    /// <summary>The Elman cell's.</summary>
    public static void Elman(ArrayView<float> input, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> preactivation, int rowCount, int inputSize, int hiddenSize) =>
        Run(input, weights.Cast<Float1>(), bias.Cast<Float1>(), preactivation.Cast<Float1>(), rowCount, inputSize, hiddenSize);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<TGates>(ArrayView<float> input, ArrayView<TGates> weights, ArrayView<TGates> bias, ArrayView<TGates> preactivation, int rowCount, int inputSize, int hiddenSize)
        where TGates : unmanaged, IGates<TGates>
    {
        int unit = Grid.IdxY * GemmTile.UnitThreads + Group.IdxX;
        int row = Grid.IdxX * GemmTile.Rows + Group.IdxY * GemmTile.RowsPerThread;
        TGates b = TGates.Zero;
        if (unit < hiddenSize)
            b = bias[unit];
        var sums = new RowSums<TGates> { Row0 = b, Row1 = b, Row2 = b, Row3 = b };

        GemmTile.Accumulate(input, weights, rowCount, hiddenSize, inputSize, ref sums);

        if (unit < hiddenSize)
        {
            int at = row * hiddenSize + unit;
            if (row < rowCount)
                preactivation[at] = sums.Row0;
            if (row + 1 < rowCount)
                preactivation[at + hiddenSize] = sums.Row1;
            if (row + 2 < rowCount)
                preactivation[at + 2 * hiddenSize] = sums.Row2;
            if (row + 3 < rowCount)
                preactivation[at + 3 * hiddenSize] = sums.Row3;
        }
    }
}
