using FastRecurrence.Layout;
using FastRecurrence.Streams;

namespace FastRecurrence.Cpu;

/// <summary>The CPU's kernels over rows of a slab: the driver looks h and c up by row, and copies neither together.</summary>
internal sealed unsafe class CpuRows(LayerShape shape, PackedWeights weights, CpuWorkspace workspace, ICpuDriver driver) : LayerRows
{
    public override int HiddenWidth => shape.OutputSize;

    public override int CellWidth { get; } = shape.HasCellState ? weights.Layout.PanelCount * weights.Layout.Lanes : 0;

    public override int MostRows => weights.Format == WeightFormat.Float32 ? int.MaxValue : 1;

    public override void Run(float* hidden, float* cell, nint step, int rows, in SortedSequence sequence)
    {
        workspace.Reserve(rows);
        workspace.Attach(rows, hidden, step, cell, step, weights.Layout.Lanes);
        driver.Run(sequence);
    }
}
