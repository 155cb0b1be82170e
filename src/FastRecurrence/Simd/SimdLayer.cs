using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>
/// The CPU drivers: step and sequence over packed panels. Loops, from the outside: chunk of steps (input GEMM), step,
/// panel, block of rows, block of depth, register tile; the epilogue follows each block of rows while it is in L1.
/// Each output is one chain b, x·W, h·R in ascending k: all these loops only decide when a chain goes on, not its order.
/// </summary>
internal sealed unsafe class SimdLayer<V, L>(LayerWeights weights, Backend backend) : RecurrentLayer(weights.Shape, backend)
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PackedWeights _weights = new(weights, L.Count);

    private PanelLayout Layout => _weights.Layout;

    private protected override LayerState CreateStateCore(int batchSize) => new SimdState(this, Layout, batchSize);

    private protected override void RunCore(LayerState state, in PackedSequence sequence)
    {
        var s = (SimdState)state;
        int N = s.BatchSize, I = Shape.InputSize, H = Shape.HiddenSize;
        int sequenceLength = sequence.Steps;
        if (!Shape.IsStandard || !sequence.RowsPerStep.IsEmpty && sequence.RowsPerStep[^1] != N)
            throw new NotSupportedException("not yet");
        int chunk = Blocking.ChunkSteps(sequenceLength, N);
        fixed (float* x = sequence.Input, y = sequence.Output, gate = sequence.Gates)
        {
            float* hidden = s.Hidden;
            for (int t0 = 0; t0 < sequenceLength; t0 += chunk)
            {
                int steps = Math.Min(chunk, sequenceLength - t0);
                float* projected = chunk == 1 ? null : s.Projected(chunk * N);
                if (projected != null)
                    InputGemm(x + (nint)t0 * N * I, steps * N, projected);

                for (int t = t0; t < t0 + steps; t++)
                {
                    float* h = y + (nint)t * N * H;
                    Step(s, x + (nint)t * N * I, projected, steps * N, (t - t0) * N, hidden, h, gate == null ? null : gate + (nint)t * N * Shape.GateCount * H);
                    hidden = h;
                }
            }

            new ReadOnlySpan<float>(hidden, N * H).CopyTo(new Span<float>(s.Hidden, N * H));
        }

        GC.KeepAlive(this);
        GC.KeepAlive(state);
    }

    /// <summary>b + x·W for the rows of a chunk, <c>[panel][rows][4][lanes]</c>.</summary>
    private void InputGemm(float* x, int rows, float* projected)
    {
        for (int panel = 0; panel < Layout.PanelCount; panel++)
        {
            for (int row = 0; row < rows; row += Blocking.RowsPerBlock)
            {
                Gemm(Math.Min(Blocking.RowsPerBlock, rows - row), Shape.InputSize, x + (nint)row * Shape.InputSize, _weights.Input(panel), _weights.Bias(panel), 0,
                    projected + ((nint)panel * rows + row) * Layout.PanelWidth);
            }
        }
    }

    /// <summary>One step for all units and rows: from h of the step before to h, and c in place.</summary>
    private void Step(SimdState state, float* x, float* projected, int projectedRows, int projectedRow, float* hidden, float* h, float* gates)
    {
        int N = state.BatchSize, I = Shape.InputSize, H = Shape.HiddenSize;
        float* scratch = state.Scratch.Pointer;
        nint width = Layout.PanelWidth;
        for (int panel = 0; panel < Layout.PanelCount; panel++)
        {
            if (N == 1 && panel + 1 < Layout.PanelCount)
            {
                float* starts = projected == null ? scratch : projected + ((nint)panel * projectedRows + projectedRow) * width;
                nint apart = projected == null ? width : projectedRows * width;
                if (projected == null)
                    Microkernel<V, L>.Pair(I, x, _weights.Input(panel), _weights.Bias(panel), width, scratch);
                Microkernel<V, L>.Pair(H, hidden, _weights.Recurrent(panel), starts, apart, scratch);
                Finish(state, panel, 0, 1, scratch, h, gates);
                Finish(state, ++panel, 0, 1, scratch + width, h, gates);
                continue;
            }

            for (int row = 0; row < N; row += Blocking.RowsPerBlock)
            {
                int rows = Math.Min(Blocking.RowsPerBlock, N - row);
                float* start = scratch;
                if (projected != null)
                    start = projected + ((nint)panel * projectedRows + projectedRow + row) * width;
                else
                    Gemm(rows, I, x + (nint)row * I, _weights.Input(panel), _weights.Bias(panel), 0, scratch);

                Gemm(rows, H, hidden + (nint)row * H, _weights.Recurrent(panel), start, width, scratch);
                Finish(state, panel, row, rows, scratch, h, gates);
            }
        }
    }

    /// <summary>C = init + A·B over a block of rows, sliced in depth so that the slice of the panel stays in L1 while the tiles pass over it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gemm(int rows, int depth, float* a, float* b, float* init, nint ldi, float* c)
    {
        nint width = PanelLayout.Vectors * L.Count;
        int slice = rows <= L.TileRows ? depth : Blocking.DepthPerBlock;
        int k = 0;
        do
        {
            int terms = Math.Min(slice, depth - k);
            for (int row = 0; row < rows;)
            {
                int tile = Microkernel<V, L>.NextRows(rows - row);
                Microkernel<V, L>.Run(tile, terms, a + (nint)row * depth + k, depth, b + k * width, init + row * ldi, ldi, c + row * width);
                row += tile;
            }

            init = c;
            ldi = width;
            k += terms;
        }
        while (k < depth);
    }

    private void Finish(SimdState state, int panel, int row, int rows, float* scratch, float* h, float* gates)
    {
        int H = Shape.HiddenSize, G = Shape.GateCount, unit = panel * Layout.UnitsPerPanel, units = Layout.UnitsIn(panel);
        nint width = Layout.PanelWidth;
        h += (nint)row * H + unit;
        if (G == 1)
        {
            Epilogue<V, L>.Elman(scratch, rows, Shape.Activation);
            Epilogue<V, L>.CopyUnits(scratch, width, rows, h, H, units);
        }
        else
        {
            Epilogue<V, L>.Lstm(scratch, rows, state.Cell(panel) + (nint)row * L.Count, h, H, units);
        }

        if (gates == null)
            return;
        for (int gate = 0; gate < G; gate++)
            Epilogue<V, L>.CopyUnits(scratch + gate * L.Count, width, rows, gates + ((nint)row * G + gate) * H + unit, (nint)G * H, units);
    }
}
