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

    /// <summary>The links of the chain, of every worker.</summary>
    private readonly GemmOperands[] _chains = new GemmOperands[workers * layout.BlockCount * matrix.Runs.Length];

    public PanelLayout Layout => matrix.Layout;

    /// <summary>One panel of some rows, at most as many as the table of places has.</summary>
    /// <param name="rows">The rows, gradients in them.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="init">Where the sums start, <paramref name="ldi"/> floats a row apart; may be <paramref name="c"/>.</param>
    /// <param name="ldi">0 gives every row the same start.</param>
    /// <param name="c">Sums, rows of the panel's width.</param>
    /// <param name="worker">Who asks.</param>
    public void Panel(TapeRows rows, int panel, float* init, nint ldi, float* c, int worker)
    {
        fixed (GemmOperands* chains = _chains)
        {
            GemmOperands* chain = chains + (nint)worker * _links;
            float* b = matrix.Panel(panel);
            int link = 0;
            for (int block = 0; block < layout.BlockCount; block++)
            {
                float* a = rows.Columns[block, rows.First];
                foreach ((int start, int length) in matrix.Runs)
                {
                    var columns = new RowView(a + start, identity, layout.Width);
                    chain[link] = new GemmOperands(length, columns, b, link + 1 < _links ? chain + link + 1 : null);
                    b += (nint)length * matrix.Layout.Width;
                    link++;
                }
            }

            if (matrix.Layout.Stride == 2)
                Gemm<V, L, TwoColumns>.Block(rows.Count, chain[0], init, ldi, c, default);
            else
                Gemm<V, L, FourColumns>.Block(rows.Count, chain[0], init, ldi, c, default);
        }
    }
}
