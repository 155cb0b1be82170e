using System.Runtime.CompilerServices;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;
using ILGPU.Runtime.OpenCL;

namespace FastRecurrence.Tests.Gpu;

/// <summary>A launch that fails in the middle of a ragged call: what the state is then, row by row.</summary>
[Collection("devices")]
public sealed class FailingDeviceTests
{
    private const int T = 4;

    /// <summary>Kernels whose launch fails once, at a call of the given number.</summary>
    private sealed class Failing(FamilyRun kernels, int call) : FamilyRun
    {
        private int _left = call;

        public override void Run(in StepChunk chunk)
        {
            if (--_left == 0)
                throw new CLException("the launch failed");
            kernels.Run(chunk);
        }

        public override void Dispose()
        {
            kernels.Dispose();
            base.Dispose();
        }
    }

    /// <summary>The rows become fewer twice, so that a call has three parts, each a launch of its own.</summary>
    [Theory]
    [InlineData(new[] { 1, 4, 0, 2 }, 1)]
    [InlineData(new[] { 1, 4, 0, 2 }, 2)]
    [InlineData(new[] { 1, 4, 0, 2 }, 3)]
    public void Rows_that_had_to_be_sorted_have_the_h_and_c_from_before_the_call(int[] lengths, int call)
    {
        foreach (KernelFamily family in (KernelFamily[])[TiledStep.Family, SplitKStep.Family, BlockPersistent.Family])
        {
            Problem p = TheProblem(lengths);
            using RecurrentLayer layer = OpenCl().Force(family).Prepare(p.Weights);
            using LayerState state = p.Start(layer), other = p.Start(layer);
            var output = new float[p.Exact.Output.Length];
            Fail(state, call, () => layer.Run(state, T, p.Input, output, new SequenceOptions { Lengths = lengths }));
            Assert.Equal(p.Hidden, Hidden(state));
            Assert.Equal(p.Cell, Cell(state));

            AssertWorks(p, layer, state, other, lengths);
        }
    }

    [Theory]
    [InlineData(new[] { 4, 2, 1, 0 }, 1)]
    [InlineData(new[] { 4, 2, 1, 0 }, 2)]
    [InlineData(new[] { 4, 2, 1, 0 }, 3)]
    public void Rows_that_were_in_order_have_the_h_and_c_of_a_step_of_their_own(int[] lengths, int call)
    {
        Problem p = TheProblem(lengths);
        using RecurrentLayer layer = OpenCl().Force(SplitKStep.Family).Prepare(p.Weights);
        using LayerState state = p.Start(layer), other = p.Start(layer), steps = p.Start(layer);
        var output = new float[p.Exact.Output.Length];
        Fail(state, call, () => layer.Run(state, T, p.Input, output, new SequenceOptions { Lengths = lengths }));

        // h and c of every row before the call and after each of its steps.
        var hidden = new List<float[]> { Hidden(steps) };
        var cells = new List<float[]> { Cell(steps) };
        int I = p.Shape.InputSize, H = p.Shape.HiddenSize, N = p.N;
        for (int t = 0; t < T; t++)
        {
            layer.Step(steps, p.Input.AsSpan(t * N * I, N * I), new float[N * H]);
            hidden.Add(Hidden(steps));
            cells.Add(Cell(steps));
        }

        (float[] h, float[] c) = (Hidden(state), Cell(state));
        for (int n = 0; n < N; n++)
        {
            Range row = (n * H)..((n + 1) * H);
            Assert.Contains(hidden.Take(lengths[n] + 1), of => h[row].SequenceEqual(of[row]));
            Assert.Contains(cells.Take(lengths[n] + 1), of => c[row].SequenceEqual(of[row]));
        }

        state.SetHidden(p.Hidden);
        state.SetCell(p.Cell);
        AssertWorks(p, layer, state, other, lengths);
    }

    /// <summary>The state goes on as one that has seen no failure.</summary>
    private static void AssertWorks(Problem p, RecurrentLayer layer, LayerState state, LayerState other, int[] lengths)
    {
        float[] expected = new float[p.Exact.Output.Length], actual = new float[expected.Length];
        layer.Run(other, T, p.Input, expected, new SequenceOptions { Lengths = lengths });
        layer.Run(state, T, p.Input, actual, new SequenceOptions { Lengths = lengths });
        BackendContract.AssertSameBits(p, "after a failure", expected, actual);
        Assert.Equal(Hidden(other), Hidden(state));
        Assert.Equal(Cell(other), Cell(state));
    }

    private static void Fail(LayerState state, int call, Action run)
    {
        ref FamilyRun kernels = ref Recurrence((GpuState)state);
        FamilyRun whole = kernels;
        kernels = new Failing(whole, call);
        var e = Assert.Throws<DeviceException>(run);
        Assert.Contains("the launch failed", e.Message);
        Assert.IsType<CLException>(e.InnerException);
        kernels = whole;
    }

    private static Problem TheProblem(int[] lengths) => new(LayerShape.Lstm(5, 12), T, lengths.Length);

    private static float[] Hidden(LayerState state)
    {
        var values = new float[state.BatchSize * state.Layer.Shape.OutputSize];
        state.CopyHiddenTo(values);
        return values;
    }

    private static float[] Cell(LayerState state)
    {
        var values = new float[state.BatchSize * state.Layer.Shape.HiddenSize];
        state.CopyCellTo(values);
        return values;
    }

    private static GpuBackend OpenCl()
    {
        GpuBackend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        return backend;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Recurrence>k__BackingField")]
    private static extern ref FamilyRun Recurrence(GpuState state);
}
