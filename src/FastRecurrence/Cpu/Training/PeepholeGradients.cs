using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// <c>dp_i += δi∘c₋₁</c>, <c>dp_f += δf∘c₋₁</c>, <c>dp_o += δo∘c</c> over all rows of a tape: partial sums of <see cref="OuterProducts{V, L}.ChunkRows"/>
/// rows, as of the other weights.
/// </summary>
internal static unsafe class PeepholeGradients<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private const int InputColumn = 0, ForgetColumn = TapeLayout.Lanes, OutputColumn = 3 * TapeLayout.Lanes;

    /// <summary>Adds the gradients of some blocks of units, or writes them if the gradients are clear.</summary>
    public static void Add(CpuTape tape, LayerGradients gradients, int firstBlock, int endBlock)
    {
        for (int block = firstBlock; block < endBlock; block++)
        {
            for (int lane = 0; lane < TapeLayout.Lanes; lane += L.Count)
                Units(tape, block, lane, gradients.Sums.Peepholes(block) + lane, gradients.IsClear(WeightParts.Peepholes));
        }
    }

    private static void Units(CpuTape tape, int block, int lane, float* sums, bool writes)
    {
        V zero = L.Broadcast(0f), input = zero, forget = zero, output = zero;
        int inChunk = 0;
        for (int step = 0; step < tape.Steps; step++)
        {
            int start = tape.Start(step);
            float* columns = tape.Columns(block, start) + lane, cell = tape.OwnCells(block, start) + lane;
            float* before = tape.Cells(block, step == 0 ? -tape.BatchSize : tape.Start(step - 1)) + lane;
            for (int row = 0; row < tape.RowsAt(step); row++)
            {
                input = L.MultiplyAdd(L.Load(columns + InputColumn), L.Load(before), input);
                forget = L.MultiplyAdd(L.Load(columns + ForgetColumn), L.Load(before), forget);
                output = L.MultiplyAdd(L.Load(columns + OutputColumn), L.Load(cell), output);
                columns += tape.Layout.Width;
                cell += TapeLayout.Lanes;
                before += TapeLayout.Lanes;
                if (++inChunk < OuterProducts<V, L>.ChunkRows)
                    continue;
                Join(input, forget, output, sums, writes);
                (input, forget, output, inChunk, writes) = (zero, zero, zero, 0, false);
            }
        }

        if (inChunk > 0)
            Join(input, forget, output, sums, writes);
    }

    private static void Join(V input, V forget, V output, float* sums, bool writes)
    {
        Join(input, sums, writes);
        Join(forget, sums + TapeLayout.Lanes, writes);
        Join(output, sums + 2 * TapeLayout.Lanes, writes);
    }

    private static void Join(V sum, float* gradients, bool writes) => L.Store(writes ? sum : L.Add(L.Load(gradients), sum), gradients);
}
