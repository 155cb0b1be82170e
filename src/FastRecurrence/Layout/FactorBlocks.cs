using System.Runtime.CompilerServices;
using FastRecurrence.Cpu;

namespace FastRecurrence.Layout;

/// <summary>
/// A matrix of weights as a <see cref="ParameterBuffer"/> has it: blocks of rows, each <c>[factor][width]</c>. What it is packed from after every update.
/// </summary>
internal readonly unsafe struct FactorBlocks(float* start, nint blockStep, TapeLayout layout)
{
    /// <summary>Packs it as panels of a run: <c>[panel][factor][column][lane]</c>. Padding is left alone.</summary>
    /// <param name="to">As many factors as its depth.</param>
    /// <param name="units">Its panels.</param>
    /// <param name="columns">The column of a block that each vector of a panel of gates comes from; of runs of units the first one.</param>
    public void PackTo(PackedMatrix to, PanelLayout units, int[] columns) => PackTo(to, units, columns, spreads: false);

    /// <summary>The same for a matrix whose panels have a vector for every column of a block, be there weights or not.</summary>
    public void SpreadTo(PackedMatrix to, PanelLayout units, int[] columns) => PackTo(to, units, columns, spreads: true);

    /// <summary>Packs it for products of a backward pass.</summary>
    /// <param name="to">Its panels go over some factors of this matrix from the first one.</param>
    /// <param name="columns">The column of a block that each block of rows belongs to.</param>
    public void TransposeTo(TransposedMatrix to, int[] columns)
    {
        PanelLayout panels = to.Layout;
        nint depth = columns.Length * TapeLayout.Lanes * (nint)panels.Width;
        for (int block = 0; block < layout.BlockCount; block++) // a block is small enough to stay in the second level for all panels
        {
            for (int panel = 0; panel < panels.PanelCount; panel++)
            {
                float* source = start + block * blockStep + (nint)panels.FirstUnit(panel) * layout.Width, destination = to.Panel(panel) + block * depth;
                for (int i = 0; i < columns.Length; i++, destination += TapeLayout.Lanes * panels.Width)
                {
                    Transposition.Block(source + columns[i] * TapeLayout.Lanes, layout.Width, panels.UnitsIn(panel), layout.UnitsIn(block, i), destination,
                        panels.Width);
                }
            }
        }
    }

    private void PackTo(PackedMatrix to, PanelLayout units, int[] columns, bool spreads)
    {
        int vectors = units.Gated ? columns.Length : units.Stride, lanes = units.Lanes;
        bool whole = lanes == TapeLayout.Lanes && units.Gated == layout.Gated && to.Width == layout.Width && vectors * lanes == to.Width;
        for (int panel = 0; panel < units.PanelCount; panel++)
        {
            int first = units.FirstUnit(panel);
            float* block = start + layout.BlockOf(first) * blockStep, destination = to.Panel(panel);
            if (whole && units.UnitsIn(panel) == units.UnitsPerPanel)
            {
                new ReadOnlySpan<float>(block, to.Depth * to.Width).CopyTo(new Span<float>(destination, to.Depth * to.Width));
                continue;
            }

            for (int vector = 0; vector < vectors; vector++)
            {
                int unit = units.Gated ? first : first + vector * lanes, count = Math.Min(lanes, units.Units - unit);
                if (count <= 0)
                    break;
                float* source = start + layout.BlockOf(unit) * blockStep + layout.PlaceOf(unit) + columns[units.Gated ? vector : 0] * TapeLayout.Lanes;
                float* place = destination + (spreads && units.Gated ? columns[vector] : vector) * lanes;
                if (count == Eight.Floats)
                    Copy<Eight>(source, place, to.Depth, layout.Width, to.Width);
                else if (count == Sixteen.Floats)
                    Copy<Sixteen>(source, place, to.Depth, layout.Width, to.Width);
                else
                    Copy(source, place, count, to);
            }
        }
    }

    private void Copy(float* source, float* place, int count, PackedMatrix to)
    {
        for (int factor = 0; factor < to.Depth; factor++, source += layout.Width, place += to.Width)
            new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(place, count));
    }

    /// <summary>Pieces of one size, which a processor copies as a value.</summary>
    private static void Copy<TPiece>(float* source, float* place, int count, nint sourceStep, nint step)
        where TPiece : unmanaged
    {
        for (int i = 0; i < count; i++, source += sourceStep, place += step)
            *(TPiece*)place = *(TPiece*)source;
    }

    [InlineArray(Floats)]
    private struct Eight
    {
        public const int Floats = 8;
        private float _first;
    }

    [InlineArray(Floats)]
    private struct Sixteen
    {
        public const int Floats = 16;
        private float _first;
    }
}
