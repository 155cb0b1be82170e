using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>From the panels of a run, at its width, to the blocks of a tape.</summary>
internal static unsafe class TapeWriter<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Keeps the columns of a block of rows of one panel, and its c.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="panels">The layer's panels.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="row">The tape row of the first row.</param>
    /// <param name="block">The rows, gates activated.</param>
    public static void Keep(TrainingTape tape, PanelLayout panels, int panel, int row, in PointwiseBlock block)
    {
        int unit = panels.FirstUnit(panel), at = tape.Layout.BlockOf(unit), place = tape.Layout.PlaceOf(unit);
        int step = panels.Gated ? TapeLayout.Lanes : L.Count;
        float* columns = tape.Columns(at, row) + place;
        for (int i = 0; i < block.Rows; i++)
        {
            float* from = block.Preactivations + (nint)i * panels.Width, to = columns + (nint)i * tape.Layout.Width;
            for (int column = 0; column < panels.Stride; column++)
                L.Store(L.Load(from + column * L.Count), to + column * step);
        }

        if (block.Cell.IsEmpty)
            return;
        float* cells = tape.Cells(at, row) + place;
        for (int i = 0; i < block.Rows; i++)
            L.Store(L.Load(block.Cell[i]), cells + (nint)i * TapeLayout.Lanes);
    }

    /// <summary>Keeps what a projection multiplies: units of one panel, from rows of H.</summary>
    public static void KeepOperand(TrainingTape tape, PanelLayout panels, int panel, int row, in PointwiseBlock block)
    {
        int unit = panels.FirstUnit(panel);
        float* to = tape.Operands(tape.Layout.BlockOf(unit), row) + tape.Layout.PlaceOf(unit);
        for (int i = 0; i < block.Rows; i++)
            new ReadOnlySpan<float>(block.Hidden[i], block.Units).CopyTo(new Span<float>(to + (nint)i * TapeLayout.Lanes, block.Units));
    }

    /// <summary>Keeps the candidate of a second product, neighbouring units from one on, in column Z.</summary>
    public static void KeepCandidate(TrainingTape tape, int unit, int row, in PointwiseBlock block)
    {
        for (int vector = 0; vector < block.Vectors && vector * L.Count < block.Units; vector++)
        {
            int first = unit + vector * L.Count;
            float* from = block.Preactivations + vector * L.Count;
            float* to = tape.Columns(tape.Layout.BlockOf(first), row) + 2 * TapeLayout.Lanes + tape.Layout.PlaceOf(first);
            for (int i = 0; i < block.Rows; i++)
                L.Store(L.Load(from + (nint)i * block.Vectors * L.Count), to + (nint)i * tape.Layout.Width);
        }
    }
}
