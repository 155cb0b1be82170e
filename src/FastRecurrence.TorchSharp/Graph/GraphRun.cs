using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>
/// One run of a module, from its forward pass until its backward pass or until torch forgets it: then the finalizer gives the workspace back. A second
/// backward pass over the same graph (<c>retain_graph</c>) runs forward again, since a backward pass uses the tape up.
/// </summary>
internal sealed class GraphRun(RecurrentModule module, LoadedStack stack, int steps, int rows)
{
    [ThreadStatic]
    private static List<Tensor>? s_handedOver;

    private readonly long _version = stack.Version;
    private Workspace? _workspace;
    private float[]? _hidden, _cell;
    private bool _wantsInput, _wantsHidden, _wantsCell;
    private bool[] _wanted = [];
    private Tensor? _input;
    private bool _ownsInput;

    ~GraphRun() => Release();

    /// <summary>Steps of each row; null where all have T.</summary>
    public int[]? Lengths { get; init; }

    public bool IsBatchFirst { get; init; }

    public bool NeedsTape { get; init; }

    public ulong DropoutSeed { get; init; }

    /// <summary>x as the kernels read it, until the graph has it.</summary>
    public Tensor Input => _input!;

    /// <summary>y, h_n and c_n, until the graph has them.</summary>
    public Tensor[] Outputs { get; private set; } = [];

    private LayerShape Shape => module.Shapes[0];

    private int StateCount => module.Shapes.Count;

    /// <summary>Disposes the wrappers of gradients that torch has taken from this thread.</summary>
    public static void Forget()
    {
        s_handedOver?.ForEach(t => t.Dispose());
        s_handedOver?.Clear();
    }

    /// <summary>Computes y and the last states.</summary>
    public Tensor[] Forward(Tensor input, Tensor? hidden, Tensor? cell)
    {
        Tensor dense = input.Dense();
        _hidden = Values(hidden);
        _cell = Values(cell);
        long width = module.Form.DirectionCount * Shape.OutputSize;
        Tensor y = IsBatchFirst ? empty(rows, steps, width) : empty(steps, rows, width);
        Tensor hn = empty(StateCount, rows, Shape.OutputSize);
        Tensor[] states = Shape.HasCellState ? [hn, empty(StateCount, rows, Shape.HiddenSize)] : [hn];
        Compute(dense, y);
        for (int i = 0; i < StateCount; i++)
        {
            int h = rows * Shape.OutputSize, c = rows * Shape.HiddenSize;
            _workspace!.State.CopyHiddenTo(i, hn.Floats().Slice(i * h, h));
            if (Shape.HasCellState)
                _workspace.State.CopyCellTo(i, states[1].Floats().Slice(i * c, c));
        }

        (_input, _ownsInput) = (dense, !ReferenceEquals(dense, input));
        return Outputs = [y, .. states];
    }

    /// <summary>The graph has what it needs, or there is none: wrappers that are of no use any more go.</summary>
    public void LetGo(bool outputs)
    {
        if (_ownsInput)
            _input!.Dispose();
        if (outputs)
            Array.ForEach(Outputs, t => t.Dispose());
        (_input, Outputs) = (null, []);
    }

    /// <summary>Notes which gradients a backward pass must find.</summary>
    public void Wants(Tensor input, Tensor? hidden, Tensor? cell, IReadOnlyList<DirectionTensors> parameters)
    {
        (_wantsInput, _wantsHidden, _wantsCell) = (input.requires_grad, hidden is { requires_grad: true }, cell is { requires_grad: true });
        _wanted = [.. parameters.SelectMany(p => p.All).Select(t => t.requires_grad)];
    }

    /// <summary>Gradients of the node's arguments.</summary>
    public List<Tensor> Backward(Tensor input, List<Tensor> outputGradients)
    {
        using Lock.Scope _ = module.Enter();
        if (stack.Version != _version)
        {
            throw new InvalidOperationException(
                "the weights have changed since the run, and have been used again, so its gradients would be those of neither. Run forward again.");
        }

        if (_workspace is null)
        {
            using Tensor y = empty((long)steps * rows * module.Form.DirectionCount * Shape.OutputSize);
            Compute(input, y);
        }

        Workspace workspace = _workspace!;
        Tensor?[] given = [.. outputGradients.Select(t => t is { IsInvalid: false } ? t.Dense() : null)];
        Tensor? dx = _wantsInput ? empty_like(input) : null;
        Tensor? dh = _wantsHidden ? empty(StateCount, rows, Shape.OutputSize) : null, dc = _wantsCell ? empty(StateCount, rows, Shape.HiddenSize) : null;
        LayerGradients[] gradients = workspace.Gradients;
        int parts = _wanted.Length / gradients.Length;
        LayerGradients?[] wanted = [.. gradients.Select((g, i) => _wanted.AsSpan(i * parts, parts).Contains(true) ? g : null)];
        static Span<float> Of(Tensor? tensor) => tensor is null ? default : tensor.Floats();
        stack.Stack.Backward(workspace.Tape, input.Floats(), Of(given[0]), wanted, new BackwardOptions
        {
            FinalHidden = Of(given[1]),
            FinalCell = given.Length > 2 ? Of(given[2]) : default,
            Input = Of(dx),
            InitialHidden = Of(dh),
            InitialCell = Of(dc),
        });
        List<Tensor?> all = [null, dx, dh, dc, .. WeightGradients(gradients)];
        foreach (LayerGradients g in gradients)
            g.Clear();
        for (int i = 0; i < given.Length; i++)
        {
            if (!ReferenceEquals(given[i], outputGradients[i]))
                given[i]?.Dispose();
        }

        Release();
        return HandOver(all);
    }

    /// <summary>A gradient of a shape that no argument has: torch throws.</summary>
    public List<Tensor> Refuse(string reason)
    {
        module.BackwardFailure = $"{module.Form.Name}: {reason}";
        Tensor? Wrong(bool wanted) => wanted ? zeros([1, 1, 1, 1, 1]) : null;
        return HandOver([null, Wrong(_wantsInput), Wrong(_wantsHidden), Wrong(_wantsCell), .. _wanted.Select(Wrong)]);
    }

    /// <summary>Gives the workspace back.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _workspace, null) is not { } workspace)
            return;
        module.Workspaces.Return(workspace);
    }

    private void Compute(Tensor input, Tensor output)
    {
        Workspace workspace = _workspace = module.Workspaces.Take(stack, steps, rows, module.Team);
        StackState state = workspace.State;
        if (_hidden is null)
            state.Reset();
        for (int i = 0; i < StateCount; i++)
        {
            int h = rows * Shape.OutputSize, c = rows * Shape.HiddenSize;
            if (_hidden is not null)
                state.SetHidden(i, _hidden.AsSpan(i * h, h));
            if (_cell is not null)
                state.SetCell(i, _cell.AsSpan(i * c, c));
        }

        var options = new StackOptions { Lengths = Lengths, Layout = IsBatchFirst ? SequenceLayout.BatchMajor : SequenceLayout.TimeMajor };
        if (NeedsTape)
        {
            workspace.Tape.DropoutSeed = DropoutSeed;
            stack.Stack.Run(state, workspace.Tape, steps, input.Floats(), output.Floats(), options);
        }
        else
        {
            stack.Stack.Stack.Run(state, steps, input.Floats(), output.Floats(), options);
        }
    }

    private IEnumerable<Tensor?> WeightGradients(LayerGradients[] gradients)
    {
        int at = 0;
        foreach (LayerGradients g in gradients)
        {
            LayerShape s = g.Shape;
            long rows = s.GateCount * s.HiddenSize;
            yield return Next(g.InputWeights, rows, s.InputSize);
            yield return Next(g.RecurrentWeights, rows, s.OutputSize);
            if (module.Form.HasBias)
            {
                yield return Next(g.Bias[..(int)rows], rows);
                yield return Recurrent(g.Bias, (int)rows, s.HiddenSize);
            }

            if (s.ProjectionSize > 0)
                yield return Next(g.Projection, s.ProjectionSize, s.HiddenSize);
        }

        Tensor? Next(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
        {
            if (!_wanted[at++])
                return null;
            Tensor gradient = empty(shape.ToArray());
            values.CopyTo(gradient.Floats());
            return gradient;
        }

        // A GRU's b_hn has a gradient of its own, behind the others.
        Tensor? Recurrent(ReadOnlySpan<float> bias, int rows, int H)
        {
            if (!_wanted[at++])
                return null;
            Tensor gradient = empty(rows);
            bias[..(rows - H)].CopyTo(gradient.Floats());
            bias[^H..].CopyTo(gradient.Floats()[(rows - H)..]);
            return gradient;
        }
    }

    private static float[]? Values(Tensor? tensor)
    {
        if (tensor is null)
            return null;
        Tensor dense = tensor.Dense();
        float[] values = dense.Floats().ToArray();
        if (!ReferenceEquals(dense, tensor))
            dense.Dispose();
        return values;
    }

    /// <summary>As many gradients as arguments. Torch takes them when the call returns, so their wrappers go with this thread's next call.</summary>
    private static List<Tensor> HandOver(List<Tensor?> all)
    {
        (s_handedOver ??= []).AddRange(all.OfType<Tensor>().Select(t => t.DetachFromDisposeScope()));
        return all!;
    }
}
