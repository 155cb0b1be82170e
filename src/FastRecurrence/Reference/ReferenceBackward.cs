namespace FastRecurrence.Reference;

/// <summary>
/// Backpropagation through time: each row on its own, from its own last step to its first, one step of the cell's
/// equations at a time. The run is done again for what the steps left. Slow on purpose, as <see cref="ReferenceLayer"/>.
/// </summary>
internal sealed class ReferenceBackward(ReferenceLayer layer, ReferenceBackwardInput input, ReferenceCell cell)
{
    private readonly LayerShape _shape = layer.Shape;
    private readonly ReferenceGradients _gradients = new(layer.Shape, input.SequenceLength, input.BatchSize);
    private readonly ReferenceResult _run = layer.Run(layer.Shape.HasCellState ? input : input with { InitialCell = null });

    /// <summary>All gradients.</summary>
    public ReferenceGradients Run()
    {
        for (int n = 0; n < input.BatchSize; n++)
            Row(n);

        for (int s = 0; s < _gradients.StateNorms.Length; s++)
            _gradients.StateNorms[s] = Math.Sqrt(_gradients.StateNorms[s]);
        return _gradients;
    }

    private void Row(int n)
    {
        int H = _shape.HiddenSize, P = _shape.OutputSize;
        var step = new ReferenceBackwardStep(layer, _gradients);
        CopyRow(input.FinalHiddenGradient, n, step.HiddenGradient);
        CopyRow(input.FinalCellGradient, n, step.CellGradient);
        for (int s = input.LengthOf(n) - 1; s >= 0; s--)
        {
            int row = input.StepOf(n, s) * input.BatchSize + n;
            for (int k = 0; k < P && input.OutputGradient is not null; k++)
                step.HiddenGradient[k] += input.OutputGradient[row * P + k];
            step.HiddenGradient.CopyTo(_gradients.Hidden, row * P);
            _gradients.StateNorms[s + 1] += SquaredNorm(step.HiddenGradient);

            Recall(step, n, s, row);
            Array.Clear(step.InputGradient);
            Array.Clear(step.PreviousHiddenGradient);
            double[]? pastHidden = null, pastCell = null;
            if (input.Zoneout is { } zoneout)
            {
                pastHidden = ReferenceZoneout.Split(zoneout.Hidden, s, n, step.HiddenGradient);
                pastCell = ReferenceZoneout.Split(zoneout.Cell, s, n, step.CellGradient);
            }

            cell.Deltas(step);
            cell.Products(step);
            Add(pastHidden, step.PreviousHiddenGradient);
            Add(pastCell, step.CellGradient);
            step.InputGradient.CopyTo(_gradients.Input, row * _shape.InputSize);
            step.PreviousHiddenGradient.CopyTo(step.HiddenGradient, 0);
        }

        step.HiddenGradient.CopyTo(_gradients.InitialHidden, n * P);
        step.CellGradient.CopyTo(_gradients.InitialCell, n * H);
        _gradients.StateNorms[0] += SquaredNorm(step.HiddenGradient);
    }

    /// <summary>What the run left at step s of row n.</summary>
    private void Recall(ReferenceBackwardStep step, int n, int s, int row)
    {
        CopyRow(input.Input, row, step.Input);
        CopyRow(input.Zoneout is null ? _run.Cells : _run.OwnCells, row, step.Cell);
        CopyRow(_run.Gates, row, step.Gates);
        CopyRow(_run.Preactivations, row, step.Preactivations);
        bool first = s == 0;
        int before = first ? n : input.StepOf(n, s - 1) * input.BatchSize + n;
        CopyRow(first ? input.InitialHidden : _run.Output, before, step.PreviousHidden);
        CopyRow(first ? input.InitialCell : _run.Cells, before, step.PreviousCell);
    }

    private static void CopyRow(double[]? rows, int row, double[] destination)
    {
        if (rows is null)
            Array.Clear(destination);
        else
            Array.Copy(rows, row * destination.Length, destination, 0, destination.Length);
    }

    private static void Add(double[]? terms, double[] sum)
    {
        for (int k = 0; k < (terms?.Length ?? 0); k++)
            sum[k] += terms![k];
    }

    private static double SquaredNorm(double[] vector)
    {
        double sum = 0;
        foreach (double v in vector)
            sum += v * v;
        return sum;
    }
}
