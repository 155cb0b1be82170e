using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <content>Sequences from and to the host.</content>
public sealed partial class GpuLayer
{
    private protected override void RunCore(LayerState state, in SortedSequence sequence)
    {
        var s = (GpuState)state;
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        try
        {
            int chunk = s.ChunkLength(sequence.Steps);
            s.Reserve(chunk);
            s.ReserveWanted(chunk, !sequence.Gates.IsEmpty, !sequence.Cells.IsEmpty);
            s.Sort(sequence.Order);
            for (int step = 0, row = 0; step < sequence.Steps; step += chunk)
            {
                PackedRows rows = PackedRows.From(sequence, s.BatchSize, step, row, chunk);
                RunRows(s, sequence, rows);
                row += rows.Count;
            }

            s.SortBack();
        }
        catch (AcceleratorException e)
        {
            throw Failure(sequence.Steps, s.BatchSize, e);
        }
        finally
        {
            s.EndSorting();
        }
    }

    /// <summary>A chunk of a sequence: up, through the kernels, down.</summary>
    private unsafe void RunRows(GpuState s, in SortedSequence q, in PackedRows rows)
    {
        int I = Shape.InputSize, P = Shape.OutputSize, H = Shape.HiddenSize, gateWidth = Shape.GateCount * H;
        WantedOutputs wanted = s.Workspace.Wanted(!q.Gates.IsEmpty, !q.Cells.IsEmpty);
        fixed (float* x = q.Input, y = q.Output, g = q.Gates, c = q.Cells)
        {
            try
            {
                s.Input.Upload(s.Queue, q, rows, q.Input, I, s.Workspace.Input);
                EnqueueRows(s, q, rows, wanted);
                s.Output.Download(s.Queue, q, rows, s.Workspace.Output, q.Output, P, q.OutputStride);
                s.Gates.Download(s.Queue, q, rows, wanted.Gates, q.Gates, gateWidth, gateWidth);
                s.Cells.Download(s.Queue, q, rows, wanted.Cells, q.Cells, H, H);
            }
            finally
            {
                s.Queue.Synchronize(); // after a failure too: what was enqueued still reads and writes the pinned memory
            }
        }

        s.Output.Unpack(q, rows, q.Output, P, q.OutputStride);
        s.Gates.Unpack(q, rows, q.Gates, gateWidth, gateWidth);
        s.Cells.Unpack(q, rows, q.Cells, H, H);
    }

    /// <summary>Rows only ever leave a sequence, the last first: it is a row of dense ones over fewer rows each.</summary>
    private void EnqueueRows(GpuState s, in SortedSequence sequence, in PackedRows all, in WantedOutputs wanted)
    {
        Workspace w = s.Workspace;
        int I = Shape.InputSize, P = Shape.OutputSize, H = Shape.HiddenSize;
        for (int step = all.FirstStep, row = 0; step < all.Until;)
        {
            int until = all.SameUntil(sequence, step, all.Until - step), rows = sequence.RowsAt(step, s.BatchSize), count = (until - step) * rows;
            WantedOutputs here = wanted;
            if (here.WantGates != 0)
                here.Gates = here.Gates.SubView((long)row * Shape.GateCount * H);
            if (here.WantCells != 0)
                here.Cells = here.Cells.SubView((long)row * H);
            RunRecorded(new StepChunk(this, s, until - step, rows)
            {
                Input = w.Input.SubView(row * I, count * I),
                Preactivation = w.Preactivation,
                Output = w.Output.SubView(row * P, count * P),
                Wanted = here,
            });
            row += count;
            step = until;
        }
    }
}
