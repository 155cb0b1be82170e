using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// <c>dG·W</c>, <c>dG·R</c> or <c>dh·W_p</c>: every output is one chain over the blocks of a tape in ascending order.
/// </summary>
internal sealed unsafe class BackwardProduct<V, L>(TransposedMatrix matrix, TapeLayout layout, int* identity, int workers)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly int _links = layout.BlockCount * matrix.Runs.Length;

    /// <summary>Blocks whose part of a panel is taken at once: all of them, or equal parts.</summary>
    private readonly int _groupBlocks = Parts(layout.BlockCount, matrix.BlockDepth * matrix.Layout.Width);

    /// <summary>The links of the chain, of every worker.</summary>
    private readonly GemmOperands[] _chains = new GemmOperands[workers * layout.BlockCount * matrix.Runs.Length];

    public PanelLayout Layout => matrix.Layout;

    private static int Parts(int blocks, int blockFloats)
    {
        int parts = (int)(((long)blocks * blockFloats - 1) / (4 * Tuning.Current.PanelSliceFloats)) + 1;
        return (blocks - 1) / parts + 1;
    }

    /// <summary>One panel of some rows, at most as many as the table of places has.</summary>
    /// <param name="rows">The rows, gradients in them.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="init">Where the sums start, <paramref name="ldi"/> floats a row apart; may be <paramref name="c"/>.</param>
    /// <param name="ldi">0 gives every row the same start.</param>
    /// <param name="c">Sums, rows of the panel's width.</param>
    /// <param name="worker">Who asks.</param>
    public void Panel(TapeRows rows, int panel, float* init, nint ldi, float* c, int worker)
    {
        // Several tiles pass over a panel: it is taken in parts that stay in the second cache level beside the gradients, and the sums wait in the first.
        int group = rows.Count <= L.TileRows ? layout.BlockCount : _groupBlocks;
        fixed (GemmOperands* chains = _chains)
        {
            for (int block = 0; block < layout.BlockCount; block += group)
            {
                GemmOperands* chain = chains + (nint)worker * _links;
                Chain(rows, panel, block, Math.Min(group, layout.BlockCount - block), chain);
                if (matrix.Layout.Stride == 2)
                    Gemm<V, L, TwoColumns>.Block(rows.Count, chain[0], init, ldi, c, default);
                else
                    Gemm<V, L, FourColumns>.Block(rows.Count, chain[0], init, ldi, c, default);
                init = c;
                ldi = matrix.Layout.Width;
            }
        }
    }

    /// <summary>The products of some blocks, one behind the other.</summary>
    private void Chain(TapeRows rows, int panel, int firstBlock, int blocks, GemmOperands* chain)
    {
        float* b = matrix.Panel(panel) + (nint)firstBlock * matrix.BlockDepth * matrix.Layout.Width;
        int link = 0, links = blocks * matrix.Runs.Length;
        for (int block = firstBlock; block < firstBlock + blocks; block++)
        {
            float* a = rows.Columns[block, rows.First];
            foreach ((int start, int length) in matrix.Runs)
            {
                var columns = new RowView(a + start, identity, layout.Width);
                chain[link] = new GemmOperands(length, columns, b, link + 1 < links ? chain + link + 1 : null);
                b += (nint)length * matrix.Layout.Width;
                link++;
            }
        }
    }
}
