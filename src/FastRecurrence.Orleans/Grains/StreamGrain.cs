using System.Globalization;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;


namespace FastRecurrence.Orleans.Grains;

/// <summary>
/// A stream: its row in the silo's batch, the number of its next frame, the outputs that its caller may not have yet, and its checkpoint. One call at a
/// time; only checkpoints are written beside calls.
/// </summary>
[GrainType("fastrecurrence.stream")]
internal sealed partial class StreamGrain : Grain, IStreamGrain
{
    private readonly SiloStreams _streams;
    private readonly ClusterStreamOptions _options;
    private readonly ILogger _logger;
    private readonly CheckpointRecord _record;
    private readonly AnswerLog _answers;
    private StreamHandle _handle;
    private Guid _incarnation;
    private long _next;
    private bool _isLoaded, _isOpen, _isStale, _isApplying;
    private string _lost = "";

    public StreamGrain(SiloStreams streams, ILogger<StreamGrain> logger)
    {
        (_streams, _options, _logger) = (streams, streams.Options, logger);
        _record = new CheckpointRecord(streams.Storage, GrainContext.GrainId);
        _answers = new AnswerLog(streams.OutputSize, streams.Options.MaxFramesPerCall);
    }

    private string Name => this.GetPrimaryKeyString();

    private StreamPosition Position => new(_incarnation, _next, _record.Value.Next, _streams.InputSize, _streams.OutputSize, _options.MaxFramesPerCall);

    public async Task<StreamPosition> Open(Guid incarnation)
    {
        if (incarnation == Guid.Empty)
            throw new ArgumentException("The incarnation is empty; give each opening a new Guid.", nameof(incarnation));
        await Load();
        if (_isOpen)
        {
            return _incarnation == incarnation ? Position
                : throw new InvalidOperationException($"Stream '{Name}' is open already, under incarnation {_incarnation}. Resume it, or close it first.");
        }

        StreamHandle handle = _streams.Open();
        try
        {
            byte[] state = await _streams.Save(handle);
            await _record.Write(new StreamCheckpoint { Incarnation = incarnation, State = state }).WaitAsync(_options.StorageTimeout);
        }
        catch (Exception e)
        {
            await _streams.Close(handle);
            _isLoaded = false; // the write may have come through: the next call looks
            throw new StreamUnavailableException(Name, $"its first checkpoint could not be written ({Words(e)}).");
        }

        _answers.Restart(0, []);
        Begin(handle);
        return Position;
    }

    public async Task<StreamPosition> TakeOver()
    {
        await RequireOpen();
        await Save(_next);
        return Position;
    }

    public async Task<StreamPosition> Checkpoint(Guid incarnation)
    {
        await RequireOpen(incarnation);
        await Save(_next);
        return Position;
    }

    public async Task Close(Guid incarnation)
    {
        await Load();
        if (_record.Exists && _record.Value.Incarnation != incarnation)
            throw new StreamLostException(Name, $"it was opened again, under incarnation {_record.Value.Incarnation}.");
        await _write; // never fails
        if (_record.Exists)
        {
            try
            {
                await _record.Clear().WaitAsync(_options.StorageTimeout);
            }
            catch (Exception e)
            {
                _isStale = true;
                throw new StreamUnavailableException(Name, $"its checkpoint could not be deleted ({Words(e)}).");
            }
        }

        await Forget();
        DeactivateOnIdle();
    }

    public async Task<StreamAnswer> Push(StreamFrames frames)
    {
        ArgumentNullException.ThrowIfNull(frames);
        await RequireOpen(frames.Incarnation);
        int count = Check(frames);
        _answers.DropBefore(frames.Received);
        if (frames.First > _next)
            return new StreamAnswer(StreamAnswerKind.Gap, _next, _record.Value.Next, []);

        int known = (int)Math.Min(count, _next - frames.First);
        var outputs = new float[count * _streams.OutputSize];
        if (known > 0)
        {
            ClusterMetrics.Repeated.Add(known);
            if (!_answers.TryCopy(frames.First, known, outputs))
                return new StreamAnswer(StreamAnswerKind.AlreadyApplied, _next, _record.Value.Next, []);
        }

        int applied = known;
        if (known < count)
        {
            await Save(_next + count - known - _options.MaxUnsavedFrames);
            applied = await Apply(frames.Values, known, count, outputs);
        }

        return new StreamAnswer(StreamAnswerKind.Applied, _next, _record.Value.Next, applied == count ? outputs : outputs[..(applied * _streams.OutputSize)]);
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        try
        {
            if (_isOpen && !_isStale)
                await Save(_next);
        }
        catch (StreamUnavailableException e)
        {
            // Nothing is lost: whoever activates the stream next asks for the frames since the last checkpoint again.
            LogUnsaved(Name, _record.Value.Next, _next, e.Message);
        }

        await Forget();
        await base.OnDeactivateAsync(reason, cancellationToken);
    }

    /// <summary>How many frames there are; refuses what does not fit.</summary>
    private int Check(StreamFrames frames)
    {
        int width = _streams.InputSize, count = frames.Values is null ? 0 : frames.Values.Length / width;
        if (frames.Values is null || count == 0 || count * width != frames.Values.Length || count > _options.MaxFramesPerCall)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Stream '{Name}': {frames.Values?.Length ?? 0} values are not 1 to {_options.MaxFramesPerCall} frames of I = {width} values."),
                nameof(frames));
        }

        if (frames.First < 0)
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"Stream '{Name}': frame {frames.First}; frames count from 0."), nameof(frames));
        }

        if (_options.AllowNonFinite)
            return count;
        int wrong = Array.FindIndex(frames.Values, value => !float.IsFinite(value));
        if (wrong >= 0)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Stream '{Name}', frame {frames.First + wrong / width}: value {wrong % width} is {frames.Values[wrong]}. It would stay in the state for good, "
                + $"so the frames were refused; {nameof(ClusterStreamOptions)}.{nameof(ClusterStreamOptions.AllowNonFinite)} takes them."), nameof(frames));
        }

        return count;
    }

    /// <summary>Frames from <paramref name="from"/> on, one after the other; how many of all are applied then.</summary>
    private async Task<int> Apply(float[] values, int from, int count, float[] outputs)
    {
        int inputs = _streams.InputSize, width = _streams.OutputSize, i = from;
        _isApplying = true;
        try
        {
            for (; i < count; i++)
            {
                Memory<float> output = outputs.AsMemory(i * width, width);
                if (!await _streams.TryPush(_handle, values.AsMemory(i * inputs, inputs), output))
                    break;
                _answers.Add(output.Span);
                _next++;
            }
        }
        catch (Exception e)
        {
            _isStale = true; // what a step that failed left is unknown: back to the checkpoint
            throw new StreamUnavailableException(Name, $"frame {_next} failed ({Words(e)}), and the stream goes back to its checkpoint.");
        }
        finally
        {
            _isApplying = false;
        }

        if (_isStale)
            throw new StreamUnavailableException(Name, "its checkpoint was written by somebody else meanwhile.");
        if (i == from)
            throw new StreamUnavailableException(Name, "the silo's queue is full.");
        ScheduleWrite();
        return i;
    }

    private async Task RequireOpen(Guid? incarnation = null)
    {
        await Load();
        if (!_isOpen)
            throw Lost(_lost);
        if (incarnation is { } given && given != _incarnation)
            throw Lost($"it was opened again, under incarnation {_incarnation}.");
    }

    private StreamLostException Lost(string reason)
    {
        ClusterMetrics.Lost.Add(1);
        return new StreamLostException(Name, reason);
    }

    /// <summary>The checkpoint, where this activation has not read it yet or can no longer trust what it holds.</summary>
    private async Task Load()
    {
        if (_isStale)
            await Forget();
        if (_isLoaded)
            return;
        try
        {
            await _record.Read().WaitAsync(_options.StorageTimeout);
        }
        catch (Exception e)
        {
            throw new StreamUnavailableException(Name, $"its checkpoint could not be read ({Words(e)}).");
        }

        (_isLoaded, _lost) = (true, "there is no checkpoint of it: it was never opened, it was closed, or the storage has lost it.");
        if (!_record.Exists)
            return;
        StreamHandle handle = _streams.Open();
        try
        {
            StreamCheckpoint stored = _record.Value;
            await _streams.Restore(handle, stored.State);
            _answers.Restart(stored.AnswersFrom, stored.Answers);
            if (_answers.End != stored.Next || stored.Next < 0)
                throw new InvalidDataException("the outputs beside the state are cut.");
            Begin(handle);
            LogRestored(Name, _next);
        }
        catch (Exception e) when (e is ModelFormatException or InvalidDataException or ArgumentException)
        {
            await _streams.Close(handle);
            _lost = $"its checkpoint cannot be taken ({Words(e)}).";
        }
    }

    private void Begin(StreamHandle handle) => (_handle, _isOpen, _isLoaded, _incarnation, _next, _lastStarted) =
        (handle, true, true, _record.Value.Incarnation, _record.Value.Next, _record.Value.Next);

    /// <summary>Gives the row in the batch back; the next call begins with the checkpoint.</summary>
    private async Task Forget()
    {
        StopTimer();
        bool wasOpen = _isOpen;
        (_isOpen, _isLoaded, _isStale) = (false, false, false);
        await _write; // it still reads the row; never fails
        if (wasOpen)
            await _streams.Close(_handle);
    }

    private static string Words(Exception e) => $"{e.GetType().Name}: {e.Message}";

    [LoggerMessage(Level = LogLevel.Debug, Message = "Stream {Name} goes on from its checkpoint at frame {Next}")]
    private partial void LogRestored(string name, long next);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Stream {Name} ends here with frames {Durable} to {Next} in no checkpoint: {Reason}")]
    private partial void LogUnsaved(string name, long durable, long next, string reason);
}
