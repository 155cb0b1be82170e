using Orleans;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>Numbers, answers and refusals of a stream whose silo and storage work.</summary>
public sealed class PushTests(PushTests.Silo silo) : IClassFixture<PushTests.Silo>
{
    private readonly RecurrentStack _stack = silo.Stack;
    private readonly StreamCluster _cluster = silo.Cluster;

    /// <summary>One silo for all of them.</summary>
    public sealed class Silo() : ClusterFixture(silos: 1, o => (o.CheckpointFrames, o.MaxFramesPerCall) = (4, 8));

    [Fact]
    public async Task Frames_have_the_bits_of_a_stream_alone_whatever_pieces_they_come_in()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async k =>
        {
            var frames = new Frames(_stack, 60, k);
            ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, $"pieces-{k}");
            Assert.Equal((_stack.InputSize, _stack.OutputSize), (stream.InputSize, stream.OutputSize));
            var random = new Random(k);
            for (int at = 0; at < frames.Count;)
            {
                int count = Math.Min(random.Next(1, 20), frames.Count - at);
                var y = new float[count * frames.OutputWidth];
                await stream.PushAsync(frames.Of(at, count), y);
                Assert.Equal(frames.Expected(at, count), y);
                at += count;
                Assert.Equal(at, stream.Next);
            }

            Assert.Equal(0, stream.Resent);
            await stream.CloseAsync();
            Assert.False(_cluster.Storage.Has(stream.Name));
        }));
    }

    [Fact]
    public async Task A_repeated_number_gets_its_stored_answer_and_is_not_applied_again()
    {
        var frames = new Frames(_stack, 10, 1);
        IStreamGrain grain = _cluster.Grain("repeat");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        for (int i = 0; i < 5; i++)
            Assert.Equal(frames.Expected(i), (await grain.Push(new StreamFrames(id, i, i, frames.Of(i)))).Outputs);

        StreamAnswer again = await grain.Push(new StreamFrames(id, 4, 4, frames.Of(4)));
        Assert.Equal((StreamAnswerKind.Applied, 5L), (again.Kind, again.Next));
        Assert.Equal(frames.Expected(4), again.Outputs);

        // The first of three is a repetition, the others are new.
        StreamAnswer partly = await grain.Push(new StreamFrames(id, 4, 4, frames.Of(4, 3)));
        Assert.Equal((StreamAnswerKind.Applied, 7L), (partly.Kind, partly.Next));
        Assert.Equal(frames.Expected(4, 3), partly.Outputs);
    }

    [Fact]
    public async Task A_repeated_number_whose_answer_was_received_is_said_to_be_applied_already()
    {
        var frames = new Frames(_stack, 10, 2);
        IStreamGrain grain = _cluster.Grain("already");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0, 4)));
        await grain.Push(new StreamFrames(id, 4, 4, frames.Of(4)));
        StreamAnswer answer = await grain.Push(new StreamFrames(id, 2, 4, frames.Of(2, 5)));
        Assert.Equal((StreamAnswerKind.AlreadyApplied, 5L, 0), (answer.Kind, answer.Next, answer.Outputs.Length));
        Assert.Equal(frames.Expected(5), (await grain.Push(new StreamFrames(id, 5, 5, frames.Of(5)))).Outputs);
    }

    [Fact]
    public async Task A_gap_is_refused_with_the_number_expected()
    {
        var frames = new Frames(_stack, 10, 3);
        IStreamGrain grain = _cluster.Grain("gap");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0, 2)));
        StreamAnswer answer = await grain.Push(new StreamFrames(id, 3, 2, frames.Of(3)));
        Assert.Equal((StreamAnswerKind.Gap, 2L, 0), (answer.Kind, answer.Next, answer.Outputs.Length));
        Assert.Equal(frames.Expected(2, 2), (await grain.Push(new StreamFrames(id, 2, 2, frames.Of(2, 2)))).Outputs);
    }

    [Fact]
    public async Task Frames_that_do_not_fit_are_refused_and_change_nothing()
    {
        var frames = new Frames(_stack, 10, 4);
        IStreamGrain grain = _cluster.Grain("unfit");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        float[] poison = frames.Of(1);
        poison[2] = float.NaN;
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0)));
        (StreamFrames, string)[] unfit =
        [
            (new(id, 1, 1, []), "0 values"), (new(id, 1, 1, new float[frames.Width + 1]), $"I = {frames.Width}"), (new(id, 1, 1, new float[9 * frames.Width]), "1 to 8 frames"),
            (new(id, -1, 1, frames.Of(1)), "count from 0"), (new(id, 1, 1, poison), "frame 1: value 2 is NaN"),
        ];
        foreach ((StreamFrames wrong, string word) in unfit)
        {
            Exception e = await Assert.ThrowsAnyAsync<ArgumentException>(() => grain.Push(wrong));
            Assert.Contains(word, e.Message, StringComparison.Ordinal);
        }

        Assert.Equal(frames.Expected(1), (await grain.Push(new StreamFrames(id, 1, 1, frames.Of(1)))).Outputs);
    }

    [Fact]
    public async Task Opening_twice_is_refused_except_for_the_same_incarnation()
    {
        var frames = new Frames(_stack, 10, 5);
        IStreamGrain grain = _cluster.Grain("twice");
        var id = Guid.NewGuid();
        await grain.Open(id);
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0, 3)));
        Assert.Equal(3, (await grain.Open(id)).Next);
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.Open(Guid.NewGuid()));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => grain.Open(Guid.Empty));
        await Assert.ThrowsAsync<InvalidOperationException>(() => ClusterStream.OpenAsync(_cluster.Grains, "twice"));
        Assert.Equal(frames.Expected(3), (await grain.Push(new StreamFrames(id, 3, 3, frames.Of(3)))).Outputs);
    }

    [Fact]
    public async Task A_stream_that_was_never_opened_or_is_closed_is_lost_and_not_zero()
    {
        IStreamGrain grain = _cluster.Grain("never");
        var frames = new StreamFrames(Guid.NewGuid(), 0, 0, new float[_stack.InputSize]);
        Assert.Equal("never", (await Assert.ThrowsAsync<StreamLostException>(() => grain.Push(frames))).Stream);
        await Assert.ThrowsAsync<StreamLostException>(() => ClusterStream.ResumeAsync(_cluster.Grains, "never"));

        ClusterStream first = await ClusterStream.OpenAsync(_cluster.Grains, "closed");
        await first.CloseAsync();
        await first.CloseAsync();
        var y = new float[_stack.OutputSize];
        await Assert.ThrowsAsync<StreamLostException>(() => first.PushAsync(new float[_stack.InputSize], y).AsTask());

        // Another life of the name: the first caller does not write into it, nor close it.
        ClusterStream second = await ClusterStream.OpenAsync(_cluster.Grains, "closed");
        await Assert.ThrowsAsync<StreamLostException>(() => first.PushAsync(new float[_stack.InputSize], y).AsTask());
        await Assert.ThrowsAsync<StreamLostException>(() => first.CloseAsync());
        await second.PushAsync(new float[_stack.InputSize], y);
    }

    [Fact]
    public async Task A_stream_can_be_taken_over_by_another_caller()
    {
        var frames = new Frames(_stack, 30, 6);
        ClusterStream first = await ClusterStream.OpenAsync(_cluster.Grains, "taken"), second;
        var y = new float[10 * frames.OutputWidth];
        await first.PushAsync(frames.Of(0, 10), y);
        second = await ClusterStream.ResumeAsync(_cluster.Grains, "taken");
        Assert.Equal((10L, 10L), (second.Next, second.Durable));
        await second.PushAsync(frames.Of(10, 10), y);
        Assert.Equal(frames.Expected(10, 10), y);
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => first.PushAsync(frames.Of(10), new float[frames.OutputWidth]).AsTask());
        Assert.Contains("somebody else", e.Message, StringComparison.Ordinal);
        await second.PushAsync(frames.Of(20, 10), y);
        Assert.Equal(frames.Expected(20, 10), y);
    }

    [Fact]
    public async Task A_caller_gets_clear_words_about_its_arguments()
    {
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "words");
        var y = new float[_stack.OutputSize];
        await Assert.ThrowsAsync<ArgumentException>(() => stream.PushAsync(new float[1], y).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => stream.PushAsync(Array.Empty<float>(), y).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => stream.PushAsync(new float[stream.InputSize], new float[1]).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => ClusterStream.OpenAsync(_cluster.Grains, ""));
        await Assert.ThrowsAsync<ArgumentException>(() => ClusterStream.OpenAsync(_cluster.Grains, "x", new ClusterStreamClientOptions { Patience = TimeSpan.Zero }));
        ValueTask first = stream.PushAsync(new float[stream.InputSize], y);
        if (!first.IsCompleted)
            await Assert.ThrowsAsync<InvalidOperationException>(() => stream.PushAsync(new float[stream.InputSize], y).AsTask());
        await first;
    }
}
