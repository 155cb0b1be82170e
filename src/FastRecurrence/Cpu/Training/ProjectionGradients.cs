using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary><c>dW_p += Σ over tape rows of dh·mᵀ</c>, m being what the projection multiplied.</summary>
internal sealed unsafe class ProjectionGradients<V, L>(LayerShape shape, int workers, int* identity)
    where V : struct
    where L : IMemoryLanes<V>
{
    private const int ChunkRows = OuterProducts<V, L>.ChunkRows;
    private readonly int _units = shape.HiddenSize;
    private readonly OuterProducts<V, L> _products = new(TapeLayout.OfRuns(shape.OutputSize), workers, identity);
    private readonly TapePiece[] _pieces = TapePiece.Of(TapeLayout.OfRuns(shape.OutputSize).InputColumns, TapeLayout.OfRuns(shape.OutputSize).Width, L.Count);
    private readonly AlignedBuffer _transposed = new("transposed operands of the projection", shape.HiddenSize, ChunkRows);

    /// <summary>Adds a worker's units.</summary>
    public void Add(CpuTape tape, LayerGradients gradients, int worker, int workers)
    {
        TapeColumns hidden = tape.HiddenGradients!;
        int first = (int)((long)_units * worker / workers), end = (int)((long)_units * (worker + 1) / workers);
        for (int row = 0; row < tape.Rows; row += ChunkRows)
        {
            int rows = Math.Min(ChunkRows, tape.Rows - row);
            for (int unit = first; unit < end; unit++)
            {
                float* from = tape.Operands(tape.Layout.BlockOf(unit), row) + tape.Layout.PlaceOf(unit), to = _transposed.Pointer + (nint)unit * ChunkRows;
                for (int i = 0; i < rows; i++)
                    to[i] = from[(nint)i * TapeLayout.Lanes];
            }

            bool writes = row == 0 && gradients.IsClear(WeightParts.Projection);
            for (int block = 0; block < hidden.Layout.BlockCount && end > first; block++)
            {
                float* factors = _transposed.Pointer + (nint)first * ChunkRows;
                var columns = new OuterColumns(hidden[block, row], _pieces);
                _products.Add(columns, rows, factors, end - first, gradients.Sums.Projection(block, first), writes, worker);
            }
        }
    }
}
