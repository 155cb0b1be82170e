namespace FastRecurrence.TorchSharp.Graph;

/// <summary>State, tape and gradients of one run at a time, used again for the next of its size.</summary>
internal sealed class Workspace(LoadedStack owner, int steps, int rows, WorkerTeam? team) : IDisposable
{
    private StackTape? _tape;

    public LoadedStack Owner => owner;

    public WorkerTeam? Team => team;

    /// <summary>T at most of its tape.</summary>
    public int MaxSteps => steps;

    /// <summary>N.</summary>
    public int Rows => rows;

    public StackState State { get; } = owner.Stack.CreateState(rows, team);

    /// <summary>Made where a run needs one.</summary>
    public StackTape Tape => _tape ??= owner.Stack.CreateTape(steps, rows, team);

    public LayerGradients[] Gradients => field ??= owner.Stack.CreateGradients();

    public void Dispose()
    {
        _tape?.Dispose();
        State.Dispose();
    }
}

/// <summary>Workspaces that nobody uses; a few, so that batches of many sizes do not fill the memory.</summary>
internal sealed class Workspaces : IDisposable
{
    private const int Most = 4;
    private readonly Lock _gate = new();
    private readonly List<Workspace> _free = [];
    private bool _disposed;

    /// <summary>One of the stack that fits, or a new one.</summary>
    public Workspace Take(LoadedStack stack, int steps, int rows, WorkerTeam? team)
    {
        lock (_gate)
        {
            int at = _free.FindIndex(w => w.Owner == stack && w.Rows == rows && w.MaxSteps >= steps && w.Team == team);
            if (at >= 0)
            {
                Workspace found = _free[at];
                _free.RemoveAt(at);
                return found;
            }
        }

        return new Workspace(stack, steps, rows, team);
    }

    /// <summary>Takes one back, also from the finalizer of a run that nobody went back over.</summary>
    public void Return(Workspace workspace)
    {
        Workspace? surplus = workspace;
        lock (_gate)
        {
            if (!_disposed)
            {
                _free.Add(workspace);
                surplus = _free.Count > Most ? _free[0] : null;
                if (surplus is not null)
                    _free.RemoveAt(0);
            }
        }

        surplus?.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _free.ForEach(w => w.Dispose());
            _free.Clear();
        }
    }
}
