using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

[Collection("devices")]
public sealed class DeviceTests
{
    [Fact]
    public void Absent_devices_are_listed_with_their_reason_and_refuse_work()
    {
        Assert.Contains(GpuBackends.All, b => b.Name == "ilgpu-cpu" && b.IsAvailable);
        Assert.Contains(GpuBackends.All, b => b.Name == "cuda:0");
        Assert.Contains(GpuBackends.All, b => b.Name == "opencl:0");
        foreach (GpuBackend absent in GpuBackends.All.Where(b => !b.IsAvailable))
        {
            Assert.False(string.IsNullOrWhiteSpace(absent.UnavailableReason));
            var e = Assert.Throws<BackendUnavailableException>(() => absent.Prepare(LayerWeights.Random(LayerShape.Lstm(1, 1), 1)));
            Assert.Contains(absent.Name, e.Message);
            Assert.Contains(absent.UnavailableReason, e.Message);
        }
    }

    [Fact]
    public void A_CPU_under_another_name_says_so()
    {
        Backend opencl = OpenCl();
        if (opencl.Description.Contains("Portable Computing Language", StringComparison.OrdinalIgnoreCase))
            Assert.True(((GpuBackend)opencl).IsCpuDevice);
    }

    [Fact]
    public void A_garbage_collection_while_weights_go_up_changes_no_bit()
    {
        Backend backend = OpenCl();
        var p = new Problem(LayerShape.Lstm(40, 40), T: 1, N: 1);
        float[] expected = Run();
        using var done = new ManualResetEventSlim();
        // Young arrays move in every collection, and between two of them there is garbage for them to move over.
        Thread[] collectors = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            var kept = new List<byte[]>();
            for (var random = new Random(1); !done.IsSet; kept.Add(new byte[random.Next(200)]))
            {
                if (kept.Count == 1000)
                {
                    kept.Clear();
                    GC.Collect(random.Next(2), GCCollectionMode.Forced);
                }
            }
        }))];
        Array.ForEach(collectors, thread => thread.Start());
        try
        {
            for (int i = 0; i < 200; i++)
                Assert.Equal(expected, Run());
        }
        finally
        {
            done.Set();
            Array.ForEach(collectors, thread => thread.Join());
        }

        float[] Run()
        {
            using RecurrentLayer layer = backend.Prepare(p.Weights);
            using LayerState state = layer.CreateState(p.N);
            var output = new float[p.Exact.Output.Length];
            layer.Run(state, p.T, p.Input, output);
            return output;
        }
    }

    [Fact]
    public void Layers_share_a_device_between_threads()
    {
        Backend backend = OpenCl();
        Problem[] problems = [.. Problem.Both(5, 9, 3, 4)];
        using RecurrentLayer lstm = backend.Prepare(problems[0].Weights), elman = backend.Prepare(problems[1].Weights);
        float[] Run(int which)
        {
            RecurrentLayer layer = which == 0 ? lstm : elman;
            using LayerState state = layer.CreateState(4);
            var output = new float[3 * 4 * 9];
            layer.Run(state, 3, problems[which].Input, output);
            return output;
        }

        float[][] expected = [Run(0), Run(1)];
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => Assert.Equal(expected[i % 2], Run(i % 2)));
    }

    [Fact]
    public void A_layer_and_its_state_can_be_disposed_in_any_order()
    {
        Backend backend = OpenCl();
        RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(2, 3), 1));
        LayerState state = layer.CreateState(2);
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Step(state, new float[4], new float[6]));
        state.Dispose();
        state.Dispose();
        layer.Dispose();
    }

    [Fact]
    public void Warm_calls_allocate_nothing()
    {
        foreach (KernelFamily kernel in KernelFamily.All)
        {
            GpuBackend backend = ((GpuBackend)OpenCl()).Force(kernel);
            using var layer = (GpuLayer)backend.Prepare(LayerWeights.Random(LayerShape.Lstm(2, 4), 1));
            using LayerState state = layer.CreateState(2);
            using DeviceBuffer x = backend.Allocate(64), y = backend.Allocate(64);
            float[] input = new float[8 * 2 * 2], output = new float[8 * 2 * 4];
            long onSpans = PerCall(() => layer.Run(state, 8, input, output)), onDevice = PerCall(() => layer.Run(state, 8, x, y));
            Assert.True(onSpans == 0 && onDevice == 0, $"{kernel}: {onSpans} bytes a call on spans, {onDevice} on device memory");
        }
    }

    private static long PerCall(Action call)
    {
        for (int i = 0; i < 20; i++)
            call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
            call();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / 50;
    }

    private static Backend OpenCl()
    {
        Backend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        return backend;
    }
}
