using System.CommandLine;
using FastRecurrence.Cli.Inspection;

namespace FastRecurrence.Cli.Commands;

/// <summary>The options that say which problems: axes that are combined, or problems by id, or published lists by name.</summary>
internal sealed class ProblemOptions
{
    private readonly Option<IReadOnlyList<CellName>> _cells;
    private readonly Option<IReadOnlyList<int>> _batch, _hidden, _length, _layers;
    private readonly Option<IReadOnlyList<int?>> _input;
    private readonly Option<IReadOnlyList<LayerDirection>> _direction;
    private readonly Option<IReadOnlyList<ProblemSize>> _problems = CommonOptions.Axis(
        "--problem", "-p", "ids",
        "Problems by id, separated by commas, instead of axes: lstm_t50_n16_i256_h256, with _l2 for two layers, _bi or _rev for the direction.", "",
        ProblemsOrNone);
    private readonly Option<IReadOnlyList<Preset>> _presets = CommonOptions.Value(
        "--preset", "names", $"Published problems instead of axes: {string.Join(", ", Preset.All.Select(p => p.Name))}.", "", PresetsOrNone);
    private readonly Option<string?> _model = new("--model")
    {
        Description = "The layers of a safetensors or ONNX file instead of axes, a problem each, with --batch and --length.",
        HelpName = "file",
    };

    /// <param name="cells">The default of each axis, as one writes it.</param>
    /// <param name="batch">N.</param>
    /// <param name="hidden">H.</param>
    /// <param name="input">I.</param>
    /// <param name="length">T.</param>
    public ProblemOptions(string cells, string batch, string hidden, string input, string length)
    {
        _cells = CommonOptions.Cells(cells);
        _batch = CommonOptions.Batch(batch);
        _hidden = CommonOptions.Hidden(hidden);
        _input = CommonOptions.Input(input);
        _length = CommonOptions.Length(length);
        _layers = CommonOptions.Value<IReadOnlyList<int>>(
            "--layers", "axis", "Layers on each other, written like --batch; 1 by default.", "1", text => IntegerAxis.Parse(text, atLeast: 1));
        _direction = CommonOptions.Value(
            "--direction", "names", "forward, reverse, bidirectional, separated by commas; forward by default.", "forward", DirectionName.ParseList);
    }

    private IEnumerable<Option> Axes => [_cells, _batch, _hidden, _input, _length, _layers, _direction];

    public void AddTo(Command command)
    {
        foreach (Option option in Axes)
            command.Add(option);
        command.Add(_problems);
        command.Add(_presets);
        command.Add(_model);
    }

    /// <summary>The problems that the command line names, each once.</summary>
    /// <exception cref="CommandException">Axes beside ids or presets, or a size that cannot be.</exception>
    public IReadOnlyList<ProblemSize> Read(Session session, ParseResult parsed)
    {
        if (parsed.GetValue(_model) is { } model)
            return OfModel(session, parsed, model);
        ProblemSize[] named = [.. parsed.Get(_problems), .. parsed.Get(_presets).SelectMany(p => p.Problems)];
        if (named.Length > 0)
        {
            Option? surplus = Axes.FirstOrDefault(parsed.Has);
            return surplus is null ? [.. named.Distinct()]
                : throw CommandException.Usage($"{surplus.Name} does not go with --problem or --preset, which say all sizes themselves.");
        }

        try
        {
            return [.. ProblemSize.Combine(
                parsed.Get(_cells), parsed.Get(_length), parsed.Get(_batch), parsed.Get(_input), parsed.Get(_hidden),
                parsed.Get(_layers), parsed.Get(_direction)).Distinct()];
        }
        catch (ArgumentException e)
        {
            throw CommandException.Usage(e.Message);
        }
    }

    /// <summary>A problem has random weights: what they are does not change the time.</summary>
    private ProblemSize[] OfModel(Session session, ParseResult parsed, string path)
    {
        if (Axes.Except([_batch, _length]).Concat([_problems, _presets]).FirstOrDefault(parsed.Has) is { } surplus)
            throw CommandException.Usage($"{surplus.Name} does not go with --model, which says cells and sizes itself.");
        var problems = new List<ProblemSize>();
        foreach (InspectedLayer layer in ModelInspector.Read(path).Layers)
        {
            LayerShape? shape = layer.Shapes.Count == 0 ? null : layer.Shapes[0];
            CellName? cell = CellName.All.FirstOrDefault(c => c.Shape(shape?.InputSize ?? 1, shape?.HiddenSize ?? 1) == shape);
            if (shape is null || cell is null)
                session.ErrorWriter.WriteLine($"fastrecurrence: {layer.Name} is left out: {layer.Refusal ?? $"no problem stands for {shape}"}");
            else
                problems.AddRange(ProblemSize.Combine([cell], parsed.Get(_length), parsed.Get(_batch), [shape.InputSize], [shape.HiddenSize], [1],
                    DirectionName.ParseList(layer.Direction)));
        }

        return problems.Count > 0 ? [.. problems.Distinct()]
            : throw new CommandException(ExitCode.Failure, $"{path} has no recurrent layer that can be timed; 'inspect' says what it holds.");
    }

    private static IReadOnlyList<ProblemSize> ProblemsOrNone(string text) => text.Length == 0 ? [] : ProblemSize.ParseList(text);

    private static IReadOnlyList<Preset> PresetsOrNone(string text) => text.Length == 0 ? [] : Preset.ParseList(text);
}
