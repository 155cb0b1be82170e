using System.Threading.Channels;
using VoiceActivity;

namespace LiveSpeech.Server;

/// <summary>Takes the chunks that wait, of all connections, through the convolutions as one batch.</summary>
internal sealed class Encoder : IAsyncDisposable
{
    private const int MostChunks = 64, Samples = SileroModel.Context + SileroModel.ChunkSamples;
    private readonly SileroModel _model;
    private readonly Channel<Work> _waiting = Channel.CreateUnbounded<Work>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _loop;

    public Encoder(SileroModel model)
    {
        _model = model;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Chunks of all batches, and batches: their quotient is the mean batch.</summary>
    public (long Chunks, long Batches) Counted { get; private set; }

    /// <param name="samples">Context and new samples; must not change meanwhile.</param>
    /// <param name="features">Where they go.</param>
    public Task EncodeAsync(ReadOnlyMemory<float> samples, Memory<float> features)
    {
        var work = new Work(samples, features, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        ObjectDisposedException.ThrowIf(!_waiting.Writer.TryWrite(work), this);
        return work.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        var batch = new List<Work>(MostChunks);
        var memory = new SileroModel.EncoderMemory();
        float[] samples = new float[MostChunks * Samples], features = new float[MostChunks * SileroModel.Features];
        while (await _waiting.Reader.WaitToReadAsync())
        {
            while (batch.Count < MostChunks && _waiting.Reader.TryRead(out Work work))
            {
                work.Samples.Span.CopyTo(samples.AsSpan(batch.Count * Samples));
                batch.Add(work);
            }

            try
            {
                _model.Encode(batch.Count, samples.AsSpan(0, batch.Count * Samples), features, memory);
                for (int i = 0; i < batch.Count; i++)
                    features.AsSpan(i * SileroModel.Features, SileroModel.Features).CopyTo(batch[i].Features.Span);
                batch.ForEach(work => work.Done.SetResult());
            }
            catch (Exception e)
            {
                batch.ForEach(work => work.Done.TrySetException(e));
            }

            Counted = (Counted.Chunks + batch.Count, Counted.Batches + 1);
            batch.Clear();
        }
    }

    private readonly record struct Work(ReadOnlyMemory<float> Samples, Memory<float> Features, TaskCompletionSource Done);
}
