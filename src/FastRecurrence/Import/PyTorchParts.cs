using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>The tensors of one layer and direction.</summary>
internal sealed record PyTorchDirection(
    TensorInfo InputWeights, TensorInfo RecurrentWeights, TensorInfo? InputBias, TensorInfo? RecurrentBias, TensorInfo? Projection);

/// <summary>The tensors behind one prefix, put together to a module, or the reason why they make none.</summary>
internal sealed class PyTorchParts(TensorSource source, string prefix, bool cell)
{
    private readonly Dictionary<(string Part, int Layer, bool Reverse), TensorInfo> _parts = [];
    private readonly Dictionary<(string Part, int Layer, bool Reverse), List<(string Kind, TensorInfo Info)>> _standIns = [];
    private readonly List<string> _notes = [];
    private ModelFormatException? _fault;
    private bool _anyReverse;
    private int _layers;

    private string Where => prefix.Length == 0 ? source.Name : $"{source.Name}, '{prefix}'";

    /// <summary>Whether there is a part, and not only what stands in for one.</summary>
    public bool HasParts => _parts.Count != 0;

    public void Add(PyTorchName name, TensorInfo info)
    {
        (string, int, bool) key = (name.Part, name.Layer, name.IsReverse);
        if (name.StandIn.Length != 0)
        {
            if (!_standIns.TryGetValue(key, out List<(string, TensorInfo)>? others))
                _standIns.Add(key, others = []);
            others.Add((name.StandIn, info));
        }
        else if (name.Layer < 0)
        {
            _fault ??= Fault($"{info.Name}: no module has a layer of that number.");
        }
        else if (!_parts.TryAdd(key, info))
        {
            _fault ??= Fault($"{info.Name} and {_parts[key].Name} are the same part.");
        }

        _layers = Math.Max(_layers, name.Layer + 1);
        _anyReverse |= name.IsReverse;
    }

    /// <summary>Takes over what stands in for parts outside: weight drop keeps its matrix beside the module that it wraps.</summary>
    public void AddStandIns(PyTorchParts wrapper)
    {
        foreach ((var key, var tensors) in wrapper._standIns)
            _standIns.TryAdd(key, tensors);
    }

    public PyTorchModule Assemble()
    {
        try
        {
            if (_fault is not null)
                throw _fault;
            return new PyTorchModule(source, prefix, Where, cell, _anyReverse, Directions()) { Notes = _notes };
        }
        catch (ModelFormatException e)
        {
            return new PyTorchModule(source, prefix, cell, e);
        }
    }

    private PyTorchDirection[] Directions()
    {
        foreach (TensorInfo info in _parts.Values)
            source.RequireFloating(info);

        // A hole among the numbers is found before anything of the highest number's size is made.
        HashSet<int> present = [.. _parts.Keys.Select(key => key.Layer), .. _standIns.Keys.Select(key => key.Layer)];
        if (present.Count < _layers)
        {
            int missing = Enumerable.Range(0, _layers).First(k => !present.Contains(k));
            throw Fault(string.Create(CultureInfo.InvariantCulture, $"layer {_layers - 1} is there, but layer {missing} is missing."));
        }

        var directions = new List<PyTorchDirection>();
        for (int k = 0; k < _layers; k++)
        {
            directions.Add(Direction(k, reverse: false));
            if (_anyReverse)
                directions.Add(Direction(k, reverse: true));
        }

        return [.. directions];
    }

    private PyTorchDirection Direction(int layer, bool reverse)
    {
        TensorInfo? Part(string part) => _parts.GetValueOrDefault((part, layer, reverse));
        TensorInfo? input = Weight("weight_ih", layer, reverse), recurrent = Weight("weight_hh", layer, reverse);
        TensorInfo? inputBias = Part("bias_ih"), recurrentBias = Part("bias_hh"), projection = Weight("weight_hr", layer, reverse);
        string suffix = new PyTorchName(prefix, "", layer, reverse, cell, "").Suffix;
        bool none = input is null && recurrent is null && inputBias is null && recurrentBias is null && projection is null;
        if (none && !_standIns.Keys.Any(key => key.Layer == layer && key.Reverse == reverse))
        {
            bool other = _parts.Keys.Any(key => key.Layer == layer);
            string why = other ? $"layer {layer} has one direction, and there is another of two"
                : $"layer {layer} is missing, and layer {_layers - 1} is there";
            throw Fault($"{prefix}weight_ih{suffix} and its partners are missing: {why}.");
        }

        return new PyTorchDirection(
            input ?? throw Missing("weight_ih", suffix, layer, reverse), recurrent ?? throw Missing("weight_hh", suffix, layer, reverse),
            inputBias, recurrentBias, projection);
    }

    // Weight drop writes a copy with dropped-out elements under the plain name; in evaluation it computes with the raw matrix.
    private TensorInfo? Weight(string part, int layer, bool reverse)
    {
        TensorInfo? plain = _parts.GetValueOrDefault((part, layer, reverse));
        if (plain is null || !_standIns.TryGetValue((part, layer, reverse), out List<(string Kind, TensorInfo Info)>? others))
            return plain;
        foreach ((string kind, TensorInfo info) in others)
        {
            if (kind == "raw")
            {
                source.RequireFloating(info);
                _notes.Add($"{info.Name} is taken, the trained matrix of weight drop; {plain.Name} beside it may have dropped-out elements");
                return info;
            }

            _notes.Add($"{info.Name} stands beside {plain.Name}, which is taken");
        }

        return plain;
    }

    private ModelFormatException Missing(string part, string suffix, int layer, bool reverse)
    {
        if (!_standIns.TryGetValue((part, layer, reverse), out List<(string Kind, TensorInfo Info)>? others))
            return Fault($"{prefix}{part}{suffix} is missing, but its partners are there.");
        string advice = others[0].Kind switch
        {
            "raw" => "weight drop keeps the trained matrix under this name; save it as " + part + suffix,
            "g" or "v" or "original0" or "original1" when !others.Exists(o => o.Kind == "orig") =>
                "weight normalisation computes the matrix from them; remove it (remove_weight_norm, remove_parametrizations) before saving",
            "mask" or "orig" when others.Exists(o => o.Kind == "mask") =>
                "pruning computes the matrix from them; make it permanent (torch.nn.utils.prune.remove) before saving",
            _ => "a parametrisation computes the matrix from them; remove it before saving",
        };
        return Fault($"{prefix}{part}{suffix} is missing; in its place stands {string.Join(" and ", others.Take(4).Select(o => o.Info.Name))}: {advice}.");
    }

    private ModelFormatException Fault(string reason) => new(Where, reason);
}
