using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using ILGPU;

namespace FastRecurrence.Gpu;

/// <content>Calls that come again are given to the driver as one (<see cref="LaunchGraphs"/>).</content>
public sealed partial class GpuLayer
{
    /// <summary>A call on device memory.</summary>
    private readonly record struct DeviceCall(GpuLayer Layer, GpuState State, int Steps, DeviceBuffer Input, DeviceBuffer Output, DeviceBuffer? Gates);

    /// <summary>Enqueues a call, recorded where it has come before.</summary>
    private static void Enqueue(in DeviceCall call)
    {
        GpuState s = call.State;
        if (s.Graphs is LaunchGraphs graphs)
        {
            IntPtr preactivation = GraphKey.Address(s.Workspace.Preactivation.Cast<float>());
            GraphKey key = new(
                call.Steps, s.BatchSize, call.Input.Address, preactivation, call.Output.Address, call.Gates?.Address ?? IntPtr.Zero, IntPtr.Zero,
                GraphKey.Address(s.Hidden));
            graphs.Run(key, call, static c => c.Layer.EnqueueChunks(c.State, c.Steps, c.Input, c.Output, c.Gates));
        }
        else
        {
            call.Layer.EnqueueChunks(s, call.Steps, call.Input, call.Output, call.Gates);
        }
    }

    /// <summary>A sequence in chunks as long as the scratch memory allows.</summary>
    private void EnqueueChunks(GpuState s, int sequenceLength, DeviceBuffer input, DeviceBuffer output, DeviceBuffer? gates)
    {
        int N = s.BatchSize, I = Shape.InputSize, P = Shape.OutputSize, H = Shape.HiddenSize, G = Shape.GateCount, chunk = s.ChunkLength(sequenceLength);
        for (int t = 0; t < sequenceLength; t += chunk)
        {
            int steps = Math.Min(chunk, sequenceLength - t), rows = t * N;
            WantedOutputs wanted = s.Workspace.Wanted(gates is not null, cells: false);
            if (gates is not null)
                wanted.Gates = gates.View(gates.Length).SubView(rows * G * H, steps * N * G * H);
            RunChunk(new StepChunk(this, s, steps, N)
            {
                Input = input.View(input.Length).SubView(rows * I, steps * N * I),
                Preactivation = s.Workspace.Preactivation,
                Output = output.View(output.Length).SubView(rows * P, steps * N * P),
                Wanted = wanted,
            });
        }
    }

    /// <summary><see cref="RunChunk"/>, recorded where the chunk has come before.</summary>
    internal static void RunRecorded(in StepChunk chunk)
    {
        if (chunk.State.Graphs is LaunchGraphs graphs)
            graphs.Run(GraphKey.Of(chunk), chunk, static c => c.Layer.RunChunk(c));
        else
            chunk.Layer.RunChunk(chunk);
    }
}
