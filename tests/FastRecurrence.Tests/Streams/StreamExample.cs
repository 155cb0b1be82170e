#pragma warning disable xUnit1051 // the example shows what a user writes
namespace FastRecurrence.Tests.Streams;

/// <summary>The example of docs/streams.md between the two marks.</summary>
[Collection("devices")]
public sealed class StreamExample
{
    [Fact]
    public async Task Many_live_streams()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(inputSize: 3, hiddenSize: 5), seed: 1);
        float[] frame = [0.1f, -0.2f, 0.3f], output = new float[5], expected = new float[5];

        // "Many live streams"
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(weights));
        using LiveStreams streams = stack.CreateLiveStreams();

        StreamHandle a = streams.Open(), b = streams.Open(); // a state each: a caller, a microphone, a sensor
        float[] x = new float[2 * 3], y = new float[2 * 5];
        streams.Step([b, a], x, y);                          // one step of both as one batch: row 0 is b's, row 1 a's
        byte[] saved = streams.Save(a);                      // goes on here or in another process
        streams.Close(b);                                    // its handle is of no use any more, and that is noticed

        await using var scheduler = new StreamScheduler(streams); // frames from any thread: it makes the batches
        await scheduler.PushAsync(a, frame, output);              // ends when the output is there
        // end of "Many live streams"

        using var alone = new RecurrentStream(stack);
        alone.Step(new float[3], expected);
        Assert.Equal(alone.State.Save(), saved);
        Assert.Equal(expected, y[5..]);
        alone.Step(frame, expected);
        Assert.Equal(expected, output);
    }
}
