using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Inspection;

/// <summary>The time of one step of all layers of a file on a backend.</summary>
/// <param name="Backend">The backend's name.</param>
/// <param name="Batch">N.</param>
/// <param name="StepMicroseconds">The prediction; null when there is none.</param>
/// <param name="Reason">Why there is none.</param>
internal sealed record Prediction(string Backend, int Batch, double? StepMicroseconds, string? Reason);

/// <summary>
/// Predicts by measuring: a layer of each distinct shape with random weights runs for a moment on the backend, and the steps
/// of all layers are added. Caches are warm, a layer's weights alone in them; what is not recurrent is not in it.
/// </summary>
internal sealed class StepPredictor(CancellationToken cancellation)
{
    /// <summary>Steps a call: a sequence, as most models run; a device's transfers and launches are shared among them.</summary>
    public const int Steps = 16;

    private static readonly StopRule s_rule = new(TimeSpan.FromMilliseconds(20), 2, TimeSpan.FromMilliseconds(400));

    private readonly Dictionary<(Backend, LayerShape, int), double> _seconds = [];

    public Prediction Predict(Backend backend, IReadOnlyList<LayerShape> shapes, int batch)
    {
        if (backend.UnavailableReason is { } absent)
            return new Prediction(backend.Name, batch, null, absent);
        if (BackendList.IsEmulator(backend))
            return new Prediction(backend.Name, batch, null, "an emulator is not timed");
        try
        {
            return new Prediction(backend.Name, batch, 1e6 * shapes.Sum(shape => Seconds(backend, shape, batch)), null);
        }
        catch (Exception e) when (e is NotSupportedException or DeviceException)
        {
            return new Prediction(backend.Name, batch, null, e.Message.ReplaceLineEndings(" "));
        }
    }

    private double Seconds(Backend backend, LayerShape shape, int batch)
    {
        if (_seconds.TryGetValue((backend, shape, batch), out double known))
            return known;
        int steps = backend == Backend.Reference ? 1 : Steps; // plain loops gain nothing from a sequence
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(shape, 1));
        using LayerState state = layer.CreateState(batch);
        float[] x = new float[Extents.Elements("x", steps, batch, shape.InputSize)], y = new float[Extents.Elements("y", steps, batch, shape.OutputSize)];
        layer.Run(state, steps, x, y); // compiles
        return _seconds[(backend, shape, batch)] = Measurement.Take(() => layer.Run(state, steps, x, y), s_rule, cancellation).Median / steps;
    }
}
