using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// <c>dG·W</c> or <c>dG·R</c>: every output is one chain over the blocks of a tape in ascending order. A worker has its own, for the links of the chain.
/// </summary>
internal sealed unsafe class BackwardProduct<V, L>(TransposedMatrix matrix, TapeLayout layout, int* identity)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly GemmOperands[] _chain = GC.AllocateArray<GemmOperands>(layout.BlockCount * matrix.Runs.Length, pinned: true);

    public PanelLayout Layout => matrix.Layout;

    /// <summary>One panel of some rows, at most as many as the table of places has.</summary>
    /// <param name="tape">The tape, gates replaced by gradients in these rows.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="row">The first tape row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="init">Where the sums start, <paramref name="ldi"/> floats a row apart; may be <paramref name="c"/>.</param>
    /// <param name="ldi">0 gives every row the same start.</param>
    /// <param name="c">Sums, rows of the panel's width.</param>
    public void Panel(TrainingTape tape, int panel, int row, int count, float* init, nint ldi, float* c)
    {
        fixed (GemmOperands* chain = _chain)
        {
            float* b = matrix.Panel(panel);
            int link = 0, links = _chain.Length;
            for (int block = 0; block < layout.BlockCount; block++)
            {
                float* a = tape.Columns(block, row);
                foreach ((int start, int length) in matrix.Runs)
                {
                    var columns = new RowView(a + start, identity, layout.Width);
                    chain[link] = new GemmOperands(length, columns, b, link + 1 < links ? chain + link + 1 : null);
                    b += (nint)length * matrix.Layout.Width;
                    link++;
                }
            }

            if (matrix.Layout.Stride == 2)
                Gemm<V, L, TwoColumns>.Block(count, chain[0], init, ldi, c, default);
            else
                Gemm<V, L, FourColumns>.Block(count, chain[0], init, ldi, c, default);
        }
    }
}
