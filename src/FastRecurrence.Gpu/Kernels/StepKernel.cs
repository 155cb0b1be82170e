using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch: <c>preactivation + h·R</c>, then the cell, for a tile of rows and units. h of the step
/// before is read, the new h goes to other memory (groups still read the old one); c is updated in place.
/// </summary>
internal static class StepKernel
{
    /// <summary>The LSTM's.</summary>
    public static void Lstm(ArrayView<float> hidden, ArrayView<float> weights, ArrayView<float> preactivation, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int batchSize, int hiddenSize, int activation, int wantGates) =>
        Run<Float4, LstmEpilogue>(hidden, weights.Cast<Float4>(), preactivation.Cast<Float4>(), cell, output, gates, batchSize, hiddenSize, activation, wantGates);

    /// <summary>The Elman cell's; <paramref name="cell"/> is not touched.</summary>
    public static void Elman(ArrayView<float> hidden, ArrayView<float> weights, ArrayView<float> preactivation, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int batchSize, int hiddenSize, int activation, int wantGates) =>
        Run<Float1, ElmanEpilogue>(hidden, weights.Cast<Float1>(), preactivation.Cast<Float1>(), cell, output, gates, batchSize, hiddenSize, activation, wantGates);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<TGates, TCell>(ArrayView<float> hidden, ArrayView<TGates> weights, ArrayView<TGates> preactivation, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int batchSize, int hiddenSize, int activation, int wantGates)
        where TGates : unmanaged, IGates<TGates>
        where TCell : struct, ICellEpilogue<TGates>
    {
        int unit = Grid.IdxY * GemmTile.UnitThreads + Group.IdxX;
        int row = Grid.IdxX * GemmTile.Rows + Group.IdxY * GemmTile.RowsPerThread;
        // Rows and units outside have a zero sum and store nothing, but their threads must reach every barrier.
        int rows = unit < hiddenSize ? batchSize - row : 0;
        int at = row * hiddenSize + unit;

        var sums = new RowSums<TGates> { Row0 = TGates.Zero, Row1 = TGates.Zero, Row2 = TGates.Zero, Row3 = TGates.Zero };
        if (rows > 0)
            sums.Row0 = preactivation[at];
        if (rows > 1)
            sums.Row1 = preactivation[at + hiddenSize];
        if (rows > 2)
            sums.Row2 = preactivation[at + 2 * hiddenSize];
        if (rows > 3)
            sums.Row3 = preactivation[at + 3 * hiddenSize];

        GemmTile.Accumulate(hidden, weights, batchSize, hiddenSize, hiddenSize, ref sums);

        if (rows > 0)
            Epilogue<TGates, TCell>(sums.Row0, cell, output, gates, row, unit, hiddenSize, activation, wantGates);
        if (rows > 1)
            Epilogue<TGates, TCell>(sums.Row1, cell, output, gates, row + 1, unit, hiddenSize, activation, wantGates);
        if (rows > 2)
            Epilogue<TGates, TCell>(sums.Row2, cell, output, gates, row + 2, unit, hiddenSize, activation, wantGates);
        if (rows > 3)
            Epilogue<TGates, TCell>(sums.Row3, cell, output, gates, row + 3, unit, hiddenSize, activation, wantGates);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Epilogue<TGates, TCell>(TGates sum, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int row, int unit, int hiddenSize, int activation, int wantGates)
        where TGates : unmanaged, IGates<TGates>
        where TCell : struct, ICellEpilogue<TGates>
    {
        int at = row * hiddenSize + unit;
        float c = 0f;
        if (TCell.HasCell)
            c = cell[at];
        output[at] = TCell.Step(ref sum, ref c, activation);
        if (TCell.HasCell)
            cell[at] = c;
        if (wantGates != 0)
            TGates.Scatter(sum, gates, row * TGates.Count * hiddenSize + unit, hiddenSize);
    }
}
