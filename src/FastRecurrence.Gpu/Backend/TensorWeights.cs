using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu;

/// <summary>
/// W in the order in which the lanes of a warp take it for tensor cores: <c>[word / 16][column / 8][lane][4]</c>, lane 4g + t with words 4t to 4t + 3 of
/// column g; a word is one k as tf32, or two as bfloat16. Words and columns are filled up with zeros to whole tiles.
/// </summary>
internal static class TensorWeights
{
    /// <summary>
    /// Packs <c>[I, columns]</c>, which is what <see cref="PackedWeights.Input"/> makes of W; for <see cref="InputGemm.TripleTf32"/> followed by what
    /// rounding took, rounded, in the same order.
    /// </summary>
    public static float[] Pack(ReadOnlySpan<float> matrix, int inputSize, int columns, InputGemm gemm)
    {
        int perWord = gemm == InputGemm.Bfloat16 ? 2 : 1, words = Tiles(inputSize, perWord);
        int blocks = Tiles(words, TensorGemmKernel.Depth) * (TensorGemmKernel.Depth / TensorGemmKernel.LoadDepth);
        int width = Tiles(columns, TensorGemmKernel.WarpColumns) * TensorGemmKernel.WarpColumns;
        int length = checked(blocks * TensorGemmKernel.LoadDepth * width);
        var packed = new float[checked(gemm == InputGemm.TripleTf32 ? 2 * length : length)];
        for (int word = 0; word < words; word++)
        {
            for (int column = 0; column < columns; column++)
            {
                int k = word * perWord, lane = column % 8 * 4 + word % TensorGemmKernel.LoadDepth / 4;
                int at = ((word / TensorGemmKernel.LoadDepth * (width / 8) + column / 8) * TensorGemmKernel.Lanes + lane) * 4 + word % 4;
                float value = matrix[k * columns + column];
                if (gemm == InputGemm.Bfloat16)
                {
                    packed[at] = TensorCore.Pair(value, k + 1 < inputSize ? matrix[(k + 1) * columns + column] : 0);
                    continue;
                }

                packed[at] = TensorCore.Round(value);
                if (gemm == InputGemm.TripleTf32)
                    packed[length + at] = TensorCore.Round(value - packed[at]);
            }
        }

        return packed;
    }

    private static int Tiles(int count, int size) => (count + size - 1) / size;
}
