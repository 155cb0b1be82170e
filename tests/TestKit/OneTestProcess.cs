namespace FastRecurrence.TestKit;

/// <summary>
/// Test projects of one checkout run one after the other, whatever runs them: OpenCL on the CPU leaves outputs unwritten now and then where
/// others keep the processors busy, and times mean nothing there. Held from before a project's first test to its last.
/// </summary>
public sealed class OneTestProcess : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(60);

    private readonly FileStream? _lock;

    /// <summary>The environment variable that a test process sets for a child that runs tests for it: the child must not wait for its parent's end.</summary>
    public const string ChildVariable = "FASTRECURRENCE_TESTS_CHILD";

    /// <exception cref="TimeoutException">Another test process of this checkout does not end.</exception>
    public OneTestProcess()
    {
        if (Environment.GetEnvironmentVariable(ChildVariable) is not null)
            return;
        // artifacts/bin, which the projects share.
        string path = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "one-test-process.lock"));
        long begin = Environment.TickCount64;
        while (true)
        {
            try
            {
                _lock = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                return;
            }
            catch (IOException e)
            {
                if (Environment.TickCount64 - begin > s_patience.TotalMilliseconds)
                    throw new TimeoutException($"another test process holds {path} for more than {s_patience.TotalMinutes} minutes.", e);
                Thread.Sleep(100);
            }
        }
    }

    public void Dispose() => _lock?.Dispose();
}
