using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>What the public modules share: the parameters by PyTorch's names, the checks, and runs with or without a place in torch's graph.</summary>
internal sealed class RecurrentModule : IDisposable
{
    private static readonly string[] s_names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"];
    private readonly Lock _gate = new();
    private readonly ModuleForm _form;
    private readonly LayerShape[] _shapes;
    private readonly nn.Module _module;
    private LoadedStack? _withDropout, _plain;
    private bool _disposed;

    public RecurrentModule(ModuleForm form, Func<int, int, LayerShape> shape, nn.Module module)
    {
        (_form, _module) = (form, module);
        LayerShape first = shape(form.InputSize, form.HiddenSize);
        LayerShape above = shape(first.OutputSize * form.DirectionCount, form.HiddenSize);
        _shapes = [.. Enumerable.Range(0, form.StateCount).Select(i => i < form.DirectionCount ? first : above)];
    }

    public WorkerTeam? Team { get; set; }

    public string? BackwardFailure { get; set; }

    /// <summary>One for each layer and direction.</summary>
    public IReadOnlyList<LayerShape> Shapes => _shapes;

    public ModuleForm Form => _form;

    public Workspaces Workspaces { get; } = new();

    private bool HasCell => _shapes[0].HasCellState;

    /// <summary>New parameters with PyTorch's names, in its order, uniform in ±1/√H by torch's generator.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> Create()
    {
        double bound = 1 / Math.Sqrt(_form.HiddenSize);
        for (int i = 0; i < _shapes.Length; i++)
        {
            LayerShape s = _shapes[i];
            long rows = s.GateCount * s.HiddenSize;
            long[][] sizes = [[rows, s.InputSize], [rows, s.OutputSize], [rows], [rows], [s.ProjectionSize, s.HiddenSize]];
            for (int part = 0; part < s_names.Length; part++)
            {
                if (!Has(part))
                    continue;
                Tensor values = empty(sizes[part]);
                nn.init.uniform_(values, -bound, bound);
                yield return (s_names[part] + _form.Suffix(i), new Parameter(values));
            }
        }
    }

    /// <summary>y, h_n and, where there is one, c_n.</summary>
    public Tensor[] Run(Tensor input, Tensor? hidden, Tensor? cell)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 2)
            return Run(input, hidden, cell, lengths: null, _form.IsBatchFirst);
        // One sequence without a batch: the views are in the graph.
        int rows = _form.IsBatchFirst ? 0 : 1;
        using Tensor batch = input.unsqueeze(rows);
        using Tensor? h = hidden?.unsqueeze(1), c = cell?.unsqueeze(1);
        Tensor[] outputs = Run(batch, h, c, lengths: null, _form.IsBatchFirst);
        for (int i = 0; i < outputs.Length; i++)
        {
            using Tensor one = outputs[i];
            outputs[i] = one.squeeze(i == 0 ? rows : 1);
        }

        return outputs;
    }

    /// <summary>Likewise of a packed batch: unpacked, run with its lengths, and packed again in the same way.</summary>
    public (nn.utils.rnn.PackedSequence Output, Tensor[] States) Run(nn.utils.rnn.PackedSequence input, Tensor? hidden, Tensor? cell)
    {
        ArgumentNullException.ThrowIfNull(input);
        (Tensor padded, Tensor lengths) = nn.utils.rnn.pad_packed_sequence(input);
        using (padded)
        using (lengths)
        {
            int[] steps = [.. lengths.data<long>().ToArray().Select(n => (int)n)];
            Tensor[] outputs = Run(padded, hidden, cell, steps, isBatchFirst: false);
            using Tensor y = outputs[0];
            bool isSorted = input.sorted_indices is not { IsInvalid: false };
            return (nn.utils.rnn.pack_padded_sequence(y, lengths, enforce_sorted: isSorted), outputs[1..]);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Workspaces.Dispose();
            _withDropout?.Dispose();
            _plain?.Dispose();
        }
    }

    /// <summary>One call of the kernels at a time.</summary>
    public Lock.Scope Enter()
    {
        Lock.Scope scope = _gate.EnterScope();
        GraphRun.Forget();
        if (!_disposed)
            return scope;
        scope.Dispose();
        throw new ObjectDisposedException(_form.Name);
    }

    private Tensor[] Run(Tensor input, Tensor? hidden, Tensor? cell, int[]? lengths, bool isBatchFirst)
    {
        using Lock.Scope _ = Enter();
        DirectionTensors[] parameters = RequireParameters();
        long[] size = RequireInputs(input, hidden, cell, isBatchFirst);
        Tensor[] tensors = [.. parameters.SelectMany(p => p.All)];
        bool records = is_grad_enabled() && ((Tensor?[])[input, hidden, cell, .. tensors]).Any(t => t is { requires_grad: true });
        bool drops = _module.training && _form.Dropout > 0;
        LoadedStack stack = Refreshed(drops, parameters);
        var run = new GraphRun(this, stack, (int)size[0], (int)size[1])
        {
            Lengths = lengths,
            IsBatchFirst = isBatchFirst,
            NeedsTape = records || drops,
            DropoutSeed = drops ? NextSeed() : 0,
        };
        Tensor[] outputs;
        using (no_grad())
            outputs = run.Forward(input, hidden, cell);
        if (!records)
        {
            run.LetGo(outputs: false);
            run.Release();
            return outputs;
        }

        run.Wants(input, hidden, cell, parameters);
        List<Tensor> recorded = RecurrentFunction.apply([run, .. ((Tensor?[])[input, hidden, cell]).Cast<object?>(), .. tensors]!);
        run.LetGo(outputs: true); // the graph has wrappers of its own
        // Torch works with handles: no wrapper may be collected while it does.
        GC.KeepAlive(input);
        GC.KeepAlive(hidden);
        GC.KeepAlive(cell);
        GC.KeepAlive(parameters);
        return [.. recorded];
    }

    private LoadedStack Refreshed(bool drops, DirectionTensors[] parameters)
    {
        ref LoadedStack? stack = ref drops ? ref _withDropout : ref _plain;
        if (stack is null)
            return stack = new LoadedStack(_form, _shapes, parameters, drops ? _form.Dropout : 0);
        stack.Refresh(parameters);
        return stack;
    }

    /// <summary>The same after the same <c>manual_seed</c>.</summary>
    private static ulong NextSeed()
    {
        using Tensor seed = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64);
        return (ulong)seed.item<long>();
    }

    private bool Has(int part) => part switch
    {
        2 or 3 => _form.HasBias,
        4 => _shapes[0].ProjectionSize > 0,
        _ => true,
    };

    private DirectionTensors[] RequireParameters()
    {
        var all = new DirectionTensors[_shapes.Length];
        for (int i = 0; i < all.Length; i++)
        {
            LayerShape s = _shapes[i];
            long rows = s.GateCount * s.HiddenSize;
            Tensor? Part(int part, params ReadOnlySpan<long> shape)
            {
                if (!Has(part))
                    return null;
                string name = s_names[part] + _form.Suffix(i);
                Parameter parameter = _module.get_parameter(name)!;
                parameter.Require(_form.Name, name, "its own shape", shape);
                return parameter.is_contiguous() ? parameter : throw new ArgumentException($"{name} is not contiguous; set it to a tensor that is.");
            }

            all[i] = new DirectionTensors(Part(0, rows, s.InputSize)!, Part(1, rows, s.OutputSize)!, Part(2, rows), Part(3, rows),
                Part(4, s.ProjectionSize, s.HiddenSize));
        }

        return all;
    }

    /// <summary>T and N.</summary>
    private long[] RequireInputs(Tensor input, Tensor? hidden, Tensor? cell, bool isBatchFirst)
    {
        int I = _form.InputSize;
        input.Require(_form.Name, "input", isBatchFirst ? "[N, T, I]" : "[T, N, I]", -1, -1, I);
        long T = input.shape[isBatchFirst ? 1 : 0], N = input.shape[isBatchFirst ? 0 : 1];
        if (T < 1 || N < 1)
            throw new ArgumentException($"input has {T} steps and {N} rows; one of each at least is needed.", nameof(input));
        hidden?.Require(_form.Name, "h0", $"[layers·directions, N, {(_shapes[0].ProjectionSize > 0 ? "P" : "H")}]", _shapes.Length, N, _shapes[0].OutputSize);
        cell?.Require(_form.Name, "c0", "[layers·directions, N, H]", _shapes.Length, N, _form.HiddenSize);
        if (HasCell && hidden is null != cell is null)
            throw new ArgumentException($"{_form.Name} takes h0 and c0, or neither.", nameof(hidden));
        return [T, N];
    }
}
