using System.Globalization;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Streams;

/// <summary>
/// A random schedule of calls over live streams, right ones and wrong ones, and beside each stream a <see cref="RecurrentStream"/> that makes the same
/// steps alone. Every output of every call has the bits that the stream has alone, and a call that is refused has changed nothing.
/// </summary>
internal sealed class StreamWorld : IDisposable
{
    private readonly Random _random;
    private readonly RecurrentStack _stack;
    private readonly LiveStreams _streams;
    private readonly LiveStreams _others;
    private readonly List<(StreamHandle Handle, RecurrentStream Alone)> _open = [];
    private readonly List<StreamHandle> _closed = [];
    private readonly int _most;

    public StreamWorld(RecurrentStack stack, int seed, WorkerTeam? team = null, int most = 8)
    {
        (_random, _stack, _most) = (new Random(seed), stack, most);
        _streams = stack.CreateLiveStreams(capacity: 1 + (seed % 3), team);
        _others = stack.CreateLiveStreams();
        for (int i = seed % 5; i > 0; i--)
            Open();
    }

    public long Steps { get; private set; }

    public long Refused { get; private set; }

    /// <summary>Makes some random calls.</summary>
    public void Live(int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            Action call = _random.Next(12) switch
            {
                0 or 1 => Open,
                2 => Close,
                3 => Reset,
                4 => Fork,
                5 => SaveAndRestore,
                6 => Refuse,
                7 or 8 => Chunk,
                _ => Step,
            };
            call();
            Assert.Equal(_open.Count, _streams.Count);
        }

        Step(_open); // every stream that is left, whatever befell it last
    }

    public void Dispose()
    {
        _open.ForEach(stream => stream.Alone.Dispose());
        _streams.Dispose();
        _others.Dispose();
    }

    private void Open()
    {
        if (_open.Count < _most)
            _open.Add((_streams.Open(), new RecurrentStream(_stack)));
    }

    private void Close()
    {
        if (_open.Count == 0)
            return;
        int i = _random.Next(_open.Count);
        _streams.Close(_open[i].Handle);
        _open[i].Alone.Dispose();
        _closed.Add(_open[i].Handle);
        _open.RemoveAt(i);
    }

    private void Reset()
    {
        if (_open.Count == 0)
            return;
        (StreamHandle handle, RecurrentStream alone) = _open[_random.Next(_open.Count)];
        _streams.Reset(handle);
        alone.Reset();
    }

    private void Fork()
    {
        if (_open.Count is 0 || _open.Count >= _most)
            return;
        (StreamHandle handle, RecurrentStream alone) = _open[_random.Next(_open.Count)];
        _open.Add((_streams.Fork(handle), alone.Fork()));
    }

    private void SaveAndRestore()
    {
        if (_open.Count == 0)
            return;
        (StreamHandle from, RecurrentStream source) = _open[_random.Next(_open.Count)];
        (StreamHandle to, RecurrentStream target) = _open[_random.Next(_open.Count)];
        byte[] saved = _streams.Save(from), alone = source.State.Save();
        Assert.Equal(alone, saved); // the same bytes, so that either takes the other's
        _streams.Restore(to, alone);
        target.State.Restore(saved);
        Steps++;
    }

    private void Step() => Step(Some());

    private void Step(List<(StreamHandle Handle, RecurrentStream Alone)> some)
    {
        int n = some.Count, I = _stack.InputSize, H = _stack.OutputSize;
        float[] x = Problem.Uniform(_random, n * I), y = new float[n * H], alone = new float[H];
        _streams.Step([.. some.Select(stream => stream.Handle)], x, y);
        for (int i = 0; i < n; i++)
        {
            some[i].Alone.Step(x.AsSpan(i * I, I), alone);
            BackendContract.AssertSameBits(ToString(), $"stream {i} of {n}", alone, y.AsSpan(i * H, H));
        }

        Steps += n;
    }

    private void Chunk()
    {
        List<(StreamHandle Handle, RecurrentStream Alone)> some = Some();
        int n = some.Count, T = _random.Next(6), I = _stack.InputSize, H = _stack.OutputSize;
        int[] lengths = _random.Next(3) == 0 ? [] : [.. some.Select(_ => _random.Next(T + 1))];
        float[] x = Problem.Uniform(_random, T * n * I), y = new float[T * n * H];
        Array.Fill(y, float.NaN);
        for (int i = 0; i < lengths.Length; i++)
        {
            for (int t = lengths[i]; t < T; t++)
                x.AsSpan((t * n + i) * I, I).Fill(float.NaN); // padding is not read
        }

        _streams.Run([.. some.Select(stream => stream.Handle)], T, lengths, x, y);
        for (int i = 0; i < n; i++)
        {
            for (int t = 0; t < T; t++)
            {
                var alone = new float[H];
                if (lengths.Length == 0 || t < lengths[i])
                    some[i].Alone.Step(x.AsSpan((t * n + i) * I, I), alone);
                BackendContract.AssertSameBits(ToString(), $"stream {i} of {n} at {t} of {T}", alone, y.AsSpan((t * n + i) * H, H));
            }

            Steps += lengths.Length == 0 ? T : lengths[i];
        }
    }

    /// <summary>A call that is wrong in one way; the next steps show that it changed nothing.</summary>
    private void Refuse()
    {
        List<(StreamHandle Handle, RecurrentStream Alone)> some = Some();
        if (some.Count == 0)
            return;
        int n = some.Count, at = _random.Next(n + 1), I = _stack.InputSize, H = _stack.OutputSize;
        StreamHandle[] handles = [.. some.Select(stream => stream.Handle)];
        StreamHandle[] With(StreamHandle wrong) => [.. handles[..at], wrong, .. handles[at..]];
        float[] x = Problem.Uniform(_random, (n + 1) * I), y = Problem.Uniform(_random, (n + 1) * H), before = [.. y];
        switch (_random.Next(5))
        {
            case 0 when _closed.Count > 0:
                AssertRefused(StreamError.StaleHandle, at, () => _streams.Step(With(_closed[_random.Next(_closed.Count)]), x, y));
                break;
            case 1:
                AssertRefused(StreamError.StaleHandle, at, () => _streams.Step(With(default), x, y));
                break;
            case 2:
                StreamHandle stranger = _others.Open();
                AssertRefused(StreamError.StaleHandle, at, () => _streams.Step(With(stranger), x, y));
                _others.Close(stranger);
                break;
            case 3:
                int twice = _random.Next(n), second = twice < at ? at : twice + 1;
                AssertRefused(StreamError.DuplicateStream, second, () => _streams.Step(With(handles[twice]), x, y));
                break;
            default:
                Assert.Throws<ArgumentException>("input", () => _streams.Step(handles, x, y.AsSpan(0, n * H)));
                Assert.Throws<ArgumentException>("output", () => _streams.Step(handles, x.AsSpan(0, n * I), y));
                Assert.Throws<ArgumentOutOfRangeException>("lengths", () => _streams.Run(handles, 1, Enumerable.Repeat(2, n).ToArray(),
                    x.AsSpan(0, n * I), y.AsSpan(0, n * H)));
                Assert.Throws<ModelFormatException>(() => _streams.Restore(handles[0], _streams.Save(handles[0]).AsSpan(1)));
                break;
        }

        Assert.Equal(before, y);
        Refused++;
    }

    private static void AssertRefused(StreamError error, int index, Action call)
    {
        StreamException e = Assert.Throws<StreamException>(call);
        Assert.Equal((error, index), (e.Error, e.Index));
    }

    private List<(StreamHandle Handle, RecurrentStream Alone)> Some()
    {
        var all = new List<(StreamHandle Handle, RecurrentStream Alone)>(_open);
        for (int drop = _random.Next(all.Count + 1); drop > 0; drop--)
            all.RemoveAt(_random.Next(all.Count));
        for (int i = 0; i < all.Count; i++)
        {
            int j = _random.Next(i, all.Count);
            (all[i], all[j]) = (all[j], all[i]);
        }

        return all;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_streams}");
}
