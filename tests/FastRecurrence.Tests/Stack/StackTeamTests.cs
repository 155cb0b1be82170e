using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Stack;

/// <summary>Stacks and streams with teams and weight formats: the bits of single layers called one after the other, and no allocation.</summary>
[Collection("teams")]
public sealed class StackTeamTests
{
    private const int T = 9, N = 13, I = 40;

    public static TheoryData<string, int, bool> Stacks => new(
        from cell in (string[])["lstm", "gru", "elman", "projected"]
        from workers in (int[])[1, 2, 3]
        from ragged in (bool[])[false, true]
        select (cell, workers, ragged));

    [Theory]
    [MemberData(nameof(Stacks))]
    public void A_bidirectional_stack_with_a_team_has_the_bits_of_its_layers(string cell, int workers, bool ragged)
    {
        using var team = new WorkerTeam(workers);
        StackLayer[] layers = StackTests.Random(Shape(cell), 2, bidirectional: true);
        using var stack = new RecurrentStack(Backend.Simd, layers);
        using StackState state = stack.CreateState(N, team);
        float[] x = Problem.Uniform(new Random(3), T * N * I), y = new float[T * N * stack.OutputSize];
        int[] lengths = ragged ? [.. Enumerable.Range(0, N).Select(n => (n * 5 + 2) % (T + 1))] : [];
        for (int call = 0; call < 2; call++)
            stack.Run(state, T, x, y, new StackOptions { Lengths = lengths });

        float[] expected = x;
        LayerState[] states = [.. layers.SelectMany(layer => new[] { layer.Forward!, layer.Reverse! }).Select(weights => Backend.Simd.Prepare(weights).CreateState(N))];
        float[] first = Layers(states, expected, lengths);
        float[] second = Layers(states, expected, lengths);
        Assert.NotEqual(first, second); // the second call goes on from the states of the first
        Assert.Equal(second, y);
        for (int i = 0; i < states.Length; i++)
        {
            float[] own = new float[N * states[i].Layer.Shape.OutputSize], inStack = new float[own.Length];
            states[i].CopyHiddenTo(own);
            state.CopyHiddenTo(i, inStack);
            Assert.Equal(own, inStack);
        }
    }

    [Theory]
    [InlineData(WeightFormat.Bfloat16, 1)]
    [InlineData(WeightFormat.Bfloat16, 3)]
    [InlineData(WeightFormat.Int8, 1)]
    [InlineData(WeightFormat.Int8, 3)]
    public void A_stack_of_narrow_weights_has_the_bits_of_its_layers(WeightFormat format, int workers)
    {
        using var team = new WorkerTeam(workers);
        StackLayer[] layers = StackTests.Random(LayerShape.Lstm(512, 256), 2, bidirectional: false);
        using var stack = new RecurrentStack(Backend.Simd, format, layers);
        Assert.Equal(format, stack.Format);
        using var stream = new RecurrentStream(stack, 1, team);
        float[] x = Problem.Uniform(new Random(3), 5 * 512), y = new float[5 * 256], expected = x;
        stream.Run(x, y);
        foreach (StackLayer layer in layers)
        {
            using RecurrentLayer one = Backend.Simd.Prepare(layer.Forward!, format);
            using LayerState state = one.CreateState(1);
            var output = new float[5 * 256];
            one.Run(state, 5, expected, output);
            expected = output;
        }

        Assert.Equal(expected, y);
    }

    [Fact]
    public void A_narrow_format_that_gains_nothing_is_refused_and_names_the_layer() =>
        Assert.Contains("lstm_i4_h4", Assert.Throws<NotSupportedException>(() => new RecurrentStack(Backend.Simd, WeightFormat.Int8, StackTests.Random(LayerShape.Lstm(4, 4), 1, bidirectional: false))).Message);

    [Fact]
    public void Calls_with_a_team_allocate_nothing_once_warm()
    {
        using var team = new WorkerTeam(2);
        using var stack = new RecurrentStack(Backend.Simd, StackTests.Random(LayerShape.Lstm(I, 96), 2, bidirectional: true));
        using StackState state = stack.CreateState(N, team);
        using var forward = new RecurrentStack(Backend.Simd, StackTests.Random(LayerShape.Gru(I, 96), 2, bidirectional: false));
        using var stream = new RecurrentStream(forward, N, team);
        float[] x = Problem.Uniform(new Random(3), T * N * I), y = new float[T * N * stack.OutputSize], z = new float[T * N * forward.OutputSize];
        void Work()
        {
            stack.Run(state, T, x, y);
            stream.Run(x, z);
            stream.Step(x.AsSpan(0, N * I), z.AsSpan(0, N * forward.OutputSize));
        }

        // Whether a wait spins, yields or sleeps depends on the machine, and the runtime may allocate when a way to wait is taken for the first time.
        for (int i = 0; i < 50; i++)
            Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
            Work();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static LayerShape Shape(string cell) => cell switch
    {
        "lstm" => LayerShape.Lstm(I, 70),
        "gru" => LayerShape.Gru(I, 70),
        "elman" => LayerShape.Elman(I, 150),
        _ => LayerShape.Lstm(I, 70) with { ProjectionSize = 33, Peepholes = true },
    };

    /// <summary>Forward and reverse of every layer in calls of their own, put side by side row by row.</summary>
    private static float[] Layers(LayerState[] states, float[] x, int[] lengths)
    {
        for (int k = 0; k < states.Length; k += 2)
        {
            int P = states[k].Layer.Shape.OutputSize;
            float[][] halves = [new float[T * N * P], new float[T * N * P]];
            for (int d = 0; d < 2; d++)
                states[k + d].Layer.Run(states[k + d], T, x, halves[d], new SequenceOptions { Lengths = lengths, Direction = (Direction)d });
            x = [.. Enumerable.Range(0, T * N).SelectMany(row => halves.SelectMany(half => half.Skip(row * P).Take(P)))];
        }

        return x;
    }
}
