namespace FastRecurrence.Reference;

/// <summary>A run in double, time-major, padding on the right: the steps are computed again on the way back.</summary>
internal sealed class ReferenceTape(LayerShape shape, int maxSteps, int batchSize) : TrainingTape(shape, maxSteps, batchSize)
{
    /// <summary>The run, and where its rows lie in the caller's memory.</summary>
    public (int[] Places, ReferenceBackwardInput Input) Run { get; private set; }

    public override long Bytes => sizeof(double) * ((long)(Run.Input?.Input.Length ?? 0) + (long)BatchSize * (Shape.OutputSize + Shape.HiddenSize));

    private protected override bool TakesZoneout => true;

    /// <summary>Keeps a run.</summary>
    public void Keep(int[] places, ReferenceBackwardInput input)
    {
        BeginZoneout();
        Run = (places, RunZoneout.IsActive ? input with { Zoneout = new ReferenceZoneout(HiddenMask, CellMask) } : input);
    }

    /// <summary>One-hot rows; 0 in the padding.</summary>
    public static double[] GatherOneHot(ReadOnlySpan<int> features, int[] places, int width)
    {
        var gathered = new int[places.Length];
        for (int row = 0; row < places.Length; row++)
            gathered[row] = places[row] < 0 ? -1 : features[places[row]];
        return ReferenceLayer.OneHot(gathered, width);
    }

    /// <summary>Rows from the caller's memory; 0 in the padding.</summary>
    public static double[] Gather(ReadOnlySpan<float> source, int[] places, int width)
    {
        var rows = new double[places.Length * width];
        for (int row = 0; row < places.Length; row++)
        {
            for (int k = 0; k < width && places[row] >= 0; k++)
                rows[row * width + k] = source[places[row] * width + k];
        }

        return rows;
    }
}
