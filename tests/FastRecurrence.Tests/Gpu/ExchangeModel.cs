namespace FastRecurrence.Tests.Gpu;

/// <summary>
/// The exchange of the persistent grid as a model that a random scheduler drives: groups are coroutines of single memory
/// accesses, stores become visible to others late and in any order, and a group starts only when one of the device's
/// places is free. Two directions are two sets of groups with their own words, and one flag. h is an integer that depends on every h of the step before, so that any wrong read shows at the end.
/// </summary>
internal sealed class ExchangeModel(ExchangeModel.Protocol protocol, int groups, int steps, int places, int pollBudget, int seed, int directions = 1)
{
    private const int Unwritten = -1;
    private const int WordsPerGroup = 2;

    private readonly Random _random = new(seed);
    private readonly int[] _memory = Enumerable.Repeat(Unwritten, directions * Math.Max(steps, 1) * groups * WordsPerGroup).ToArray();
    private readonly List<(int At, int Value)>[] _pending = [.. Enumerable.Range(0, directions * groups).Select(_ => new List<(int, int)>())];
    private readonly int[] _finalHidden = new int[directions * groups * WordsPerGroup];
    private int _counter;

    public enum Protocol
    {
        /// <summary>What the kernel does: each step has its own words, each word validates itself.</summary>
        SelfValidating,

        /// <summary>A mistake: every step uses the same words.</summary>
        ReusedWords,

        /// <summary>A mistake: a counter says that words are there, raised without waiting until they are visible.</summary>
        CounterWithoutFence,
    }

    public enum Outcome
    {
        /// <summary>Every group went through; the results are those of plain loops.</summary>
        Right,

        /// <summary>Every group went through, with wrong results.</summary>
        Wrong,

        /// <summary>A group waited too long, and all left.</summary>
        GaveUp,

        /// <summary>Nobody can go on, and nobody leaves.</summary>
        Deadlock,
    }

    private bool Flag { get; set; }

    /// <summary>Runs to an outcome. A deadlock is called after far more accesses than any run needs.</summary>
    public Outcome Run()
    {
        var waiting = new Queue<int>(Enumerable.Range(0, directions * groups).OrderBy(_ => _random.Next()));
        var running = new List<(int Group, IEnumerator<bool> Access)>();
        long limit = 2000L * directions * groups * groups * WordsPerGroup * (steps + 1) + 100L * Math.Min(pollBudget, 1000) * directions * groups;
        for (long access = 0; ; access++)
        {
            while (running.Count < places && waiting.TryDequeue(out int next))
                running.Add((next, Group(next).GetEnumerator()));
            if (running.Count == 0)
                break;
            if (access > limit)
                return Outcome.Deadlock;

            // Bursts: sometimes one group runs far ahead of the others.
            int chosen = _random.Next(running.Count), burst = _random.Next(8) == 0 ? _random.Next(200) : 1;
            for (int i = 0; i < burst; i++)
            {
                if (running[chosen].Access.MoveNext())
                    continue;
                running.RemoveAt(chosen);
                break;
            }

            if (_random.Next(3) == 0)
                Surface(_random.Next(directions * groups));
        }

        return Flag ? Outcome.GaveUp : _finalHidden.SequenceEqual(Plain()) ? Outcome.Right : Outcome.Wrong;
    }

    /// <summary>One stored word of a group becomes visible, not always the oldest.</summary>
    private void Surface(int group)
    {
        List<(int At, int Value)> pending = _pending[group];
        if (pending.Count == 0)
            return;
        int i = _random.Next(pending.Count);
        // Stores to one address keep their order.
        i = pending.FindIndex(p => p.At == pending[i].At);
        _memory[pending[i].At] = pending[i].Value;
        pending.RemoveAt(i);
    }

    private IEnumerable<bool> Group(int group)
    {
        int all = groups * WordsPerGroup, direction = group / groups, before = direction * steps;
        int[] hidden = [.. Enumerable.Range(direction * all, all).Select(Start)];
        bool gaveUp = false;
        for (int t = 0; t < steps; t++)
        {
            if (t > 0 && protocol == Protocol.CounterWithoutFence)
            {
                for (int polls = 0; _counter < groups * t && !gaveUp; polls++)
                {
                    yield return true;
                    gaveUp = Flag |= polls >= pollBudget;
                }
            }

            // Threads poll their words in no particular order.
            foreach (int unit in Enumerable.Range(0, all).OrderBy(_ => _random.Next()).ToArray())
            {
                if (t == 0 || gaveUp)
                    break;
                int at = protocol == Protocol.ReusedWords ? unit : (before + t - 1) * all + unit;
                for (int polls = 0; ; polls++)
                {
                    yield return true;
                    hidden[unit] = _memory[at];
                    if (hidden[unit] != Unwritten || protocol == Protocol.CounterWithoutFence)
                        break;
                    if (polls >= pollBudget || Flag)
                    {
                        gaveUp = Flag = true;
                        break;
                    }
                }
            }

            if (gaveUp)
                yield break;
            for (int own = 0; own < WordsPerGroup; own++)
            {
                int unit = group % groups * WordsPerGroup + own, value = Next(unit, hidden);
                yield return true;
                _pending[group].Add(((protocol == Protocol.ReusedWords ? 0 : (before + t) * all) + unit, value));
                if (t == steps - 1)
                    _finalHidden[direction * all + unit] = value;
            }

            _counter++;
        }

        // The end of a kernel makes its stores visible.
        while (_pending[group].Count > 0)
        {
            Surface(group);
            yield return true;
        }
    }

    private int[] Plain()
    {
        int all = groups * WordsPerGroup;
        var final = new List<int>();
        for (int direction = 0; direction < directions; direction++)
        {
            int[] hidden = [.. Enumerable.Range(direction * all, all).Select(Start)];
            for (int t = 0; t < steps; t++)
                hidden = [.. Enumerable.Range(0, all).Select(unit => Next(unit, hidden))];
            final.AddRange(hidden);
        }

        return [.. final];
    }

    private static int Start(int unit) => 17 * unit + 3;

    private static int Next(int unit, int[] hidden)
    {
        uint hash = (uint)unit + 2166136261;
        foreach (int h in hidden)
            hash = (hash ^ (uint)h) * 16777619;
        return (int)(hash & int.MaxValue);
    }
}
