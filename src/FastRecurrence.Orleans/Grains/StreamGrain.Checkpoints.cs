using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Grains;

/// <summary>When checkpoints are written: beside the calls, one at a time.</summary>
internal sealed partial class StreamGrain
{
    private static readonly TimeSpan s_never = Timeout.InfiniteTimeSpan;
    private IGrainTimer? _timer;
    private bool _isTimed, _isDue;
    private long _lastStarted;
    private Task _write = Task.CompletedTask;
    private Exception? _writeFailure;

    /// <summary>After frames were applied: a checkpoint now, or at the latest after the interval.</summary>
    private void ScheduleWrite()
    {
        if (_isDue || _next - _lastStarted >= _options.CheckpointFrames)
            StartWrite();
        else if (!_isTimed && _write.IsCompleted)
            StartTimer();
    }

    /// <summary>Returns when all frames below one are in the checkpoint.</summary>
    /// <exception cref="StreamUnavailableException">The storage does not take it.</exception>
    private async Task Save(long below)
    {
        try
        {
            // A write in flight may have begun before the last frames.
            for (int attempt = 0; attempt < 2 && _record.Value.Next < below && !_isStale; attempt++)
                await StartWrite().WaitAsync(_options.StorageTimeout);
        }
        catch (TimeoutException e)
        {
            _writeFailure = e;
        }

        if (_record.Value.Next < below)
        {
            throw new StreamUnavailableException(Name,
                $"its frames {_record.Value.Next} to {_next - 1} are in no checkpoint ({(_writeFailure is { } e ? Words(e) : "the storage is behind")}).");
        }
    }

    /// <summary>Begins a write, or gives the one in flight. The task never fails.</summary>
    private Task StartWrite() => _write.IsCompleted ? _write = Write() : _write;

    private async Task Write()
    {
        long begin = _streams.Time.GetTimestamp();
        (_isDue, _lastStarted) = (false, _next);
        StopTimer();
        try
        {
            // The save is queued behind the frames so far, in this turn: whatever is pushed meanwhile comes after it.
            var checkpoint = new StreamCheckpoint { Incarnation = _incarnation, Next = _next, AnswersFrom = _answers.From, Answers = _answers.ToBytes() };
            checkpoint.State = await _streams.Save(_handle);
            await _record.Write(checkpoint);
            _writeFailure = null;
            ClusterMetrics.CheckpointTime.Record(_streams.Time.GetElapsedTime(begin).TotalSeconds);
        }
        catch (InconsistentStateException e)
        {
            // Another activation has gone on from the checkpoint, or a write came through that was reported as failed: the storage is right.
            (_isStale, _writeFailure) = (true, e);
            DeactivateOnIdle();
        }
        catch (Exception e)
        {
            _writeFailure = e;
            ClusterMetrics.CheckpointFailures.Add(1);
            LogFailed(Name, _lastStarted, Words(e));
        }

        if (_isOpen && !_isStale && _record.Value.Next < _next)
            StartTimer();
    }

    private void StartTimer()
    {
        _timer ??= this.RegisterGrainTimer(OnTimer, new GrainTimerCreationOptions(s_never, s_never) { Interleave = true });
        _timer.Change(_options.CheckpointInterval, s_never);
        _isTimed = true;
    }

    private void StopTimer()
    {
        if (_isTimed)
            _timer!.Change(s_never, s_never);
        _isTimed = false;
    }

    private async Task OnTimer(CancellationToken cancellationToken)
    {
        _isTimed = false;
        if (!_isOpen || _isStale || _record.Value.Next >= _next)
            return;
        if (_isApplying)
            _isDue = true; // where the stream stands is known when the call ends
        else
            await StartWrite();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Stream {Name}: the checkpoint at frame {Next} could not be written: {Reason}")]
    private partial void LogFailed(string name, long next, string reason);
}
