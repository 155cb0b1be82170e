using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>Zoneout of a block of rows after its pointwise part: <c>h' = m∘h + (1 − m)∘h̃</c>, and the same for c.</summary>
internal static unsafe class ZoneoutForward<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>h of neighbouring units.</summary>
    /// <param name="tape">The tape, with the masks.</param>
    /// <param name="row">The tape row of the first row.</param>
    /// <param name="rows">Rows, all of one step.</param>
    /// <param name="before">h of the step before, from the first unit on.</param>
    /// <param name="hidden">h̃, replaced, from the first unit on.</param>
    /// <param name="units">The first unit, and the one after the last.</param>
    public static void Hidden(CpuTape tape, int row, int rows, in RowView before, in RowView hidden, (int First, int End) units)
    {
        int step = tape.StepOf(row), inStep = row - tape.Start(step);
        Span<float> mask = stackalloc float[TapeLayout.Lanes];
        for (int i = 0; i < rows; i++)
        {
            float* from = before[i], to = hidden[i];
            for (int unit = units.First; unit < units.End; unit += TapeLayout.Lanes)
            {
                Span<float> m = mask[..Math.Min(TapeLayout.Lanes, units.End - unit)];
                tape.HiddenMask.Fill(m, step, tape.Order[inStep + i], unit);
                for (int j = 0; j < m.Length; j++, from++, to++)
                    *to = m[j] * *from + (1 - m[j]) * *to;
            }
        }
    }

    /// <summary>c of a vector of units: the tape keeps both.</summary>
    /// <param name="tape">The tape, with the masks.</param>
    /// <param name="row">The tape row of the first row.</param>
    /// <param name="rows">Rows, all of one step.</param>
    /// <param name="cells">The state's c, a vector a row: c̃, replaced.</param>
    /// <param name="unit">The first unit.</param>
    public static void Cells(CpuTape tape, int row, int rows, in RowView cells, int unit)
    {
        int step = tape.StepOf(row), inStep = row - tape.Start(step), block = tape.Layout.BlockOf(unit), place = tape.Layout.PlaceOf(unit);
        float* own = tape.OwnCells(block, row) + place, kept = tape.Cells(block, row) + place;
        float* before = tape.Cells(block, (step == 0 ? -tape.BatchSize : tape.Start(step - 1)) + inStep) + place;
        Span<float> mask = stackalloc float[L.Count];
        for (int i = 0; i < rows; i++)
        {
            float* c = cells[i];
            tape.CellMask.Fill(mask, step, tape.Order[inStep + i], unit);
            for (int j = 0; j < mask.Length; j++)
            {
                own[j] = c[j];
                c[j] = kept[j] = mask[j] * before[j] + (1 - mask[j]) * c[j];
            }

            own += TapeLayout.Lanes;
            kept += TapeLayout.Lanes;
            before += TapeLayout.Lanes;
        }
    }
}
