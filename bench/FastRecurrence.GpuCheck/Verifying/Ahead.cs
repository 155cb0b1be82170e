namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>Prepares what comes next on all processors, while the caller works on what is ready.</summary>
internal static class Ahead
{
    /// <summary>
    /// The prepared items in the order of the source. At most two a processor wait; after a break no more are begun, and those under way are awaited.
    /// </summary>
    public static IEnumerable<TPrepared> Of<T, TPrepared>(IEnumerable<T> source, Func<T, TPrepared> prepare)
    {
        var waiting = new Queue<Task<TPrepared>>();
        try
        {
            foreach (T item in source)
            {
                waiting.Enqueue(Task.Run(() => prepare(item)));
                if (waiting.Count > 2 * Environment.ProcessorCount)
                    yield return waiting.Dequeue().GetAwaiter().GetResult();
            }

            while (waiting.Count > 0)
                yield return waiting.Dequeue().GetAwaiter().GetResult();
        }
        finally
        {
            // Their processors would be missing from what comes next; their failures are nobody's any more.
            foreach (Task<TPrepared> task in waiting)
                task.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        }
    }

    /// <summary>In an order without a pattern, the same every time: what a time limit cuts off is then like what it leaves.</summary>
    public static T[] Mixed<T>(IEnumerable<T> source)
    {
        T[] items = [.. source];
        new Random(5).Shuffle(items);
        return items;
    }
}
