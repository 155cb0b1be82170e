using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// Copies rows from packed to other places of a sequence or back, so that nothing has to leave the device to be sorted, reversed, or put beside another
/// direction's output. No row is in two places: threads need no order.
/// </summary>
internal static class MoveRowsKernel
{
    /// <summary>Threads of a group side by side in a row, and rows of a group.</summary>
    public const int RowThreads = 32, GroupRows = 4;

    /// <summary>Row r of the packed ones is the r-th row from <see cref="MoveRowsArguments.First"/> on.</summary>
    public const int Same = 0;

    /// <summary>Row i is row <c>Order[i]</c>: the rows of a state.</summary>
    public const int Sorted = 1;

    /// <summary>Step s of a dense sequence, as the reverse direction goes, is the step that is s from the last.</summary>
    public const int Reversed = 2;

    /// <summary>The same of rows of different lengths: s from each row's own last step.</summary>
    public const int ReversedByLength = 3;

    /// <summary>
    /// The kernel. Grid: tiles of rows × steps, or fewer, which then take several; group: <see cref="RowThreads"/> × <see cref="GroupRows"/> threads.
    /// </summary>
    public static void Run(MoveRowsArguments a)
    {
        int i = Grid.IdxX * GroupRows + Group.IdxY;
        if (i >= a.Rows)
            return;
        for (int step = Grid.IdxY; step < a.Steps; step += Grid.DimY)
        {
            int packed = step * a.Rows + i, row = a.First + packed;
            if (a.Map == Sorted)
                row = a.Order[i];
            if (a.Map == Reversed)
                row = (a.Last - step) * a.Rows + i;
            if (a.Map == ReversedByLength)
                row = a.Starts[a.Lengths[i] - 1 - a.First - step] + i;
            for (int column = Group.IdxX; column < a.Width; column += RowThreads)
            {
                int from = packed * a.Width + column, elsewhere = row * a.Stride + column;
                if (a.Unpacks != 0)
                    a.Elsewhere[elsewhere] = a.Packed[from];
                else
                    a.Packed[from] = a.Elsewhere[elsewhere];
            }
        }
    }
}

/// <summary>What <see cref="MoveRowsKernel"/> is launched with.</summary>
internal struct MoveRowsArguments
{
    /// <summary>Rows behind each other, <c>[Steps, Rows, Width]</c>.</summary>
    public ArrayView<float> Packed;

    /// <summary>The same rows elsewhere, <see cref="Stride"/> floats apart.</summary>
    public ArrayView<float> Elsewhere;

    /// <summary>
    /// Which row of the state each row belongs to; how many steps it has; and at which row of the packed sequence each step begins. Read where the map
    /// needs them.
    /// </summary>
    public ArrayView<int> Order, Lengths, Starts;

    /// <summary>One of the kernel's constants.</summary>
    public int Map;

    /// <summary>Not 0 where packed rows go elsewhere; 0 where they come from there.</summary>
    public int Unpacks;

    /// <summary>Steps; rows of every step; floats of a row; floats from a row elsewhere to the next.</summary>
    public int Steps, Rows, Width, Stride;

    /// <summary>The first row (<see cref="MoveRowsKernel.Same"/>) or step (<see cref="MoveRowsKernel.ReversedByLength"/>) of the packed ones.</summary>
    public int First;

    /// <summary>Where the first of the packed steps lies (<see cref="MoveRowsKernel.Reversed"/>).</summary>
    public int Last;
}
