using System.Diagnostics;
using FastRecurrence.Threading;
using ILGPU;

namespace FastRecurrence.Gpu;

/// <content>What measurements need of a layer beside what callers do.</content>
public sealed partial class GpuLayer
{
    /// <summary>The input GEMM of a sequence alone, enqueued; for measurements.</summary>
    internal void RunInputGemm(LayerState state, int sequenceLength, DeviceBuffer input)
    {
        var s = (GpuState)state;
        using ExclusiveUse.Lease lease = state.Acquire();
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        int N = s.BatchSize, I = Shape.InputSize, chunk = s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        for (int t = 0; t < sequenceLength; t += chunk)
        {
            int rows = Math.Min(chunk, sequenceLength - t) * N;
            _inputGemm.Run(s.Queue, Weights, input.View(input.Length).SubView(t * N * I, rows * I), s.Preactivation, rows, ArrayView<float>.Empty);
        }
    }

    /// <summary>
    /// Runs the kernels of a sequence <paramref name="repeats"/> times on whatever input lies on the device, without any
    /// copy to or from the host, and returns the seconds of one sequence, synchronisation included. What a caller would see
    /// whose data live on the device. The state's h and c advance; run the same shape once before, to upload input and
    /// to get compilation and growing out of the way.
    /// </summary>
    internal double MeasureKernels(LayerState state, int sequenceLength, int repeats)
    {
        var s = (GpuState)state;
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(s.BatchSize, 1);
        using ExclusiveUse.Lease lease = state.Acquire();
        using Lock.Scope _ = _device.Enter();
        ObjectDisposedException.ThrowIf(_freed, this);
        int chunk = s.ChunkLength(sequenceLength);
        s.Reserve(chunk);
        s.Queue.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            for (int t = 0; t < sequenceLength; t += chunk)
                RunChunk(OwnMemory(s, Math.Min(chunk, sequenceLength - t), s.BatchSize));
            s.Queue.Synchronize();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }
}
