using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using FastRecurrence.Cli.Inspection;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>inspect</c>: the recurrent layers of a safetensors or ONNX file, and what a step of them costs here.</summary>
internal static class InspectCommand
{
    private sealed record LayerEntry([property: JsonIgnore] InspectedLayer Layer)
    {
        private readonly LayerShape? _shape = Layer.Shapes.Count == 0 ? null : Layer.Shapes[0];

        public string Name => Layer.Name;
        public string Operator => Layer.Operator;
        public string? Problem => _shape?.ToString();
        public int InputSize => _shape?.InputSize ?? 0;
        public int HiddenSize => _shape?.HiddenSize ?? 0;
        public int ProjectionSize => _shape?.ProjectionSize ?? 0;
        public string Direction => Layer.Direction;
        public string GateOrder => Layer.GateOrder;
        public string Tensors => Layer.Tensors;
        public long Parameters => Layer.Parameters;
        public long WeightBytes => Layer.WeightBytes;
        public long StateBytesPerRow => Layer.StateBytes;
        public double FlopsPerStep => Layer.FlopsPerStep;
        public IReadOnlyList<string> Notes => Layer.Notes;
        public string? Refusal => Layer.Refusal;
    }

    private sealed record Document(
        [property: JsonIgnore] InspectedFile Inspected, double? PeakGflopsPerThread, IReadOnlyList<Prediction> Predictions, Machine Machine)
    {
        public string File => Inspected.File;
        public string Format => Inspected.Format;
        public long Bytes => Inspected.Bytes;
        public string Origin => Inspected.Origin;
        public string Rest => Inspected.Rest;
        public IReadOnlyList<LayerEntry> Layers => [.. Inspected.Layers.Select(layer => new LayerEntry(layer))];
        public long Parameters => Inspected.Parameters;
        public long WeightBytes => Inspected.WeightBytes;
        public double FlopsPerStep => Inspected.FlopsPerStep;
    }

    public static Command Create(Session session)
    {
        var file = new Argument<string>("file") { Description = "A .safetensors or .onnx file." };
        var prefix = new Option<string>("--prefix")
        {
            Description = "Only layers whose name begins so, such as decoder.; tensors of other names may then be anything.",
            HelpName = "text",
        };
        var time = new Option<bool>("--time") { Description = "Also measure what a step of layers of these shapes costs here." };
        Option<string[]> backends = CommonOptions.Backends("every one");
        Option<IReadOnlyList<int>> batch = CommonOptions.Batch("1");
        backends.Description = $"With --time: {backends.Description}";
        batch.Description = $"With --time: {batch.Description}";
        Option<OutputFormat> output = CommonOptions.Output();
        var command = new Command("inspect", "Show the recurrent layers of a safetensors or ONNX file; with --time, what a step costs on each backend.")
        {
            file, prefix, time, backends, batch, output,
        };
        command.SetAction(parsed =>
        {
            if (!parsed.Get(time) && ((Option[])[backends, batch]).FirstOrDefault(parsed.Has) is { } surplus)
                throw CommandException.Usage($"{surplus.Name} goes with --time.");
            InspectedFile found = ModelInspector.Read(parsed.GetRequiredValue(file), parsed.GetValue(prefix) ?? "");
            LayerShape[] shapes = [.. found.Executed.SelectMany(l => l.Shapes)];
            // Looking for devices takes longer than looking into a file.
            BackendSelection? selection = parsed.Get(time) ? new BackendSelection(parsed.Get(backends) ?? [], BackendList.All) : null;
            bool measures = selection is not null && shapes.Length > 0;
            IReadOnlyList<Prediction> predictions = measures ? Predict(session, selection!, shapes, parsed.Get(batch)) : [];
            double? peak = measures ? FmaPeak.MeasureGflops() : null;
            session.ClearProgress();
            if (parsed.Get(output) == OutputFormat.Json)
                session.WriteJson(new Document(found, peak, predictions, Machine.Here));
            else
                Write(session, found, predictions, peak);
            return selection?.Report(session) ?? ExitCode.Ok;
        });
        return command;
    }

    private static List<Prediction> Predict(Session session, BackendSelection selection, LayerShape[] shapes, IReadOnlyList<int> batches)
    {
        var predictor = new StepPredictor(session.Cancellation);
        var predictions = new List<Prediction>();
        foreach (Backend backend in selection.Backends)
        {
            foreach (int batch in batches)
            {
                session.Progress($"measuring a step of {batch} rows on {backend.Name}");
                predictions.Add(predictor.Predict(backend, shapes, batch));
            }
        }

        return predictions;
    }

    private static void Write(Session session, InspectedFile file, IReadOnlyList<Prediction> predictions, double? peak)
    {
        session.WriteLine($"{file.File}: {file.Format}, {Bytes(file.Bytes)}{(file.Origin.Length == 0 ? "" : $", by {file.Origin}")}");
        session.WriteLine(file.Rest);
        if (file.Layers.Count == 0)
            return;
        session.WriteLine();
        session.WriteLines(TextTable.Render(
            [
                new("layer", Left: true), new("is", Left: true), new("direction", Left: true), new("gates as stored", Left: true),
                new("shapes, one row block a gate", Left: true), new("parameters"), new("weights"), new("state/row"), new("FLOPs/step"),
            ],
            [.. file.Layers.Select(l => (string[])[
                l.Name, l.Refusal is null ? l.Shapes[0].ToString() : $"{l.Operator}, refused", l.Direction, l.GateOrder, l.Tensors,
                $"{l.Parameters}", Bytes(l.WeightBytes), Bytes(l.StateBytes), Digits.Significant(l.FlopsPerStep, 1)])]));
        foreach (InspectedLayer layer in file.Layers.Where(l => l.Refusal is not null || l.Notes.Count > 0))
            session.WriteLine($"{layer.Name}: {layer.Refusal ?? string.Join("; ", layer.Notes)}");

        double flops = file.FlopsPerStep;
        string least = peak is { } p
            ? $"one thread at its peak of {Digits.Places(p, 1)} GFLOP/s: {Digits.Significant(flops / p / 1e3)} us" : "--time measures a step";
        session.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"all: {file.Parameters} parameters, {Bytes(file.WeightBytes)} as float32, {Digits.Significant(flops, 1)} FLOPs a step and row; {least}"));
        if (predictions.Count == 0)
            return;
        session.WriteLine();
        static string Time(Prediction predicted) => predicted.StepMicroseconds is { } us ? $"{Digits.Significant(us)} us" : "-";
        session.WriteLines(TextTable.Render(
            [new("backend", Left: true), new("N"), new("predicted time/step"), new("", Left: true)],
            [.. predictions.Select(p => (string[])[p.Backend, $"{p.Batch}", Time(p), p.Reason ?? ""])]));
        session.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Predicted from layers of these shapes with random weights, measured here for a moment: {StepPredictor.Steps} steps a call, "
            + $"one thread, a device's transfers included; every layer takes one step, of an If's branches the one with more work."));
    }

    private static string Bytes(long bytes) => bytes < 10_000 ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
        : bytes < 10_000_000 ? $"{Digits.Places(bytes / 1e3, 1)} kB" : $"{Digits.Places(bytes / 1e6, 1)} MB";
}
