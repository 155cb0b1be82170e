using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The way back through zoneout: <c>dh̃ = (1 − m)∘dh</c> goes on through the cell, <c>m∘dh</c> past it to the step before, where it joins last; the same for c.
/// </summary>
internal sealed unsafe class ZoneoutBackward<V, L>(StepGradients<V, L> gradients, int batchSize, int outputSize)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly AlignedBuffer _hidden = new("gradient of h past a cell", gradients.Panels.PanelCount, batchSize, gradients.Panels.Width);
    private readonly AlignedBuffer? _cell = gradients.HasCell ? new AlignedBuffer("gradient of c past a cell", gradients.Vectors, batchSize, L.Count) : null;

    /// <summary>Takes apart what goes through the cell and what goes past it, for a part of the rows or of the units; dy joins first.</summary>
    public void Split(CpuTape tape, in BackwardPart part, int step, int end, float* dy)
    {
        Span<float> mask = stackalloc float[L.Count];
        int endUnit = Math.Min(outputSize, part.EndPanel * gradients.Panels.UnitsPerPanel), start = tape.Start(step);
        for (int row = part.FirstRow; row < end; row++)
        {
            int n = tape.Order[row];
            for (int unit = part.FirstPanel * gradients.Panels.UnitsPerPanel; unit < endUnit; unit += L.Count)
            {
                Span<float> m = mask[..Math.Min(L.Count, endUnit - unit)];
                tape.HiddenMask.Fill(m, step, n, unit);
                float* through = gradients.HiddenOfUnit(unit, row), past = Past(unit, row);
                for (int i = 0; i < m.Length; i++)
                {
                    float whole = dy == null ? through[i] : through[i] + dy[(nint)tape.Places[start + row] * outputSize + unit + i];
                    past[i] = m[i] * whole;
                    through[i] = (1 - m[i]) * whole;
                }
            }

            for (int vector = gradients.FirstVector(part); vector < gradients.EndVector(part) && _cell is not null; vector++)
            {
                tape.CellMask.Fill(mask, step, n, vector * L.Count);
                float* through = gradients.CellGradient(vector, row), past = _cell.Pointer + ((nint)vector * batchSize + row) * L.Count;
                for (int i = 0; i < mask.Length; i++)
                {
                    past[i] = mask[i] * through[i];
                    through[i] = (1 - mask[i]) * through[i];
                }
            }
        }
    }

    /// <summary>What went past the cell joins ∂L/∂c of the step before.</summary>
    public void JoinCell(in BackwardPart part, int end)
    {
        for (int vector = gradients.FirstVector(part); vector < gradients.EndVector(part) && _cell is not null; vector++)
        {
            for (int row = part.FirstRow; row < end; row++)
            {
                float* to = gradients.CellGradient(vector, row);
                L.Store(L.Add(L.Load(to), L.Load(_cell.Pointer + ((nint)vector * batchSize + row) * L.Count)), to);
            }
        }
    }

    /// <summary>Likewise ∂L/∂h, a panel of it.</summary>
    public void JoinHidden(int panel, int row, int end)
    {
        int width = gradients.Panels.Width;
        for (; row < end; row++)
        {
            float* to = gradients.Hidden(panel, row), past = _hidden.Pointer + ((nint)panel * batchSize + row) * width;
            for (int i = 0; i < width; i += L.Count)
                L.Store(L.Add(L.Load(to + i), L.Load(past + i)), to + i);
        }
    }

    private float* Past(int unit, int row)
    {
        PanelLayout panels = gradients.Panels;
        return _hidden.Pointer + ((nint)(unit / panels.UnitsPerPanel) * batchSize + row) * panels.Width + unit % panels.UnitsPerPanel;
    }
}
