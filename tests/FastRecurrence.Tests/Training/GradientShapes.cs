namespace FastRecurrence.Tests.Training;

/// <summary>Every cell and every variation at one size, alone and together.</summary>
internal static class GradientShapes
{
    public static IEnumerable<LayerShape> All(int I, int H, int P) => [.. Lstm(I, H, P), .. Gru(I, H), .. Elman(I, H), LayerShape.Dense(I, H), LayerShape.Dense(I, H, Activation.Sigmoid), .. Problem.OtherCells.Select(cell => cell(I, H))];

    private static IEnumerable<LayerShape> Lstm(int I, int H, int P)
    {
        LayerShape lstm = LayerShape.Lstm(I, H);
        yield return lstm;
        yield return lstm with { Peepholes = true };
        yield return lstm with { CoupledInputForget = true };
        yield return lstm with { CoupledInputForget = true, Peepholes = true };
        yield return lstm with { ProjectionSize = P };
        yield return lstm with { ProjectionSize = P, Peepholes = true };
        yield return lstm with { Clip = 0.4f };
        yield return lstm with { Clip = 0.4f, Peepholes = true };
        yield return lstm with { Clip = 0.4f, CoupledInputForget = true, Peepholes = true, ProjectionSize = P };
        yield return lstm with { GateActivation = Activation.HardSigmoid, CandidateActivation = Activation.Softsign, CellActivation = ScaledTanh };
        yield return lstm with { GateActivation = Activation.Softplus, CandidateActivation = Activation.Elu, CellActivation = Affine };
        yield return lstm with { GateActivation = Affine, CandidateActivation = Activation.Relu, CellActivation = Activation.LeakyRelu, Peepholes = true, CoupledInputForget = true };
        yield return lstm with { GateActivation = Activation.Tanh, CandidateActivation = Activation.Sigmoid, CellActivation = Activation.Linear, Clip = 0.9f, ProjectionSize = P };
        yield return lstm with { CellActivation = Activation.HardSigmoid, CandidateActivation = ThresholdedRelu };
    }

    private static IEnumerable<LayerShape> Gru(int I, int H)
    {
        foreach (bool linearBeforeReset in (bool[])[true, false])
        {
            LayerShape gru = LayerShape.Gru(I, H, linearBeforeReset);
            yield return gru;
            yield return gru with { Clip = 0.4f };
            yield return gru with { GateActivation = Activation.HardSigmoid, CandidateActivation = Activation.Softsign };
            yield return gru with { GateActivation = Activation.Softplus, CandidateActivation = Activation.Relu, Clip = 0.6f };
        }
    }

    private static IEnumerable<LayerShape> Elman(int I, int H)
    {
        foreach (Activation kind in Enum.GetValues<Activation>())
        {
            ActivationFunction function = kind switch
            {
                Activation.Affine => Affine,
                Activation.ScaledTanh => ScaledTanh,
                Activation.ThresholdedRelu => ThresholdedRelu,
                _ => kind,
            };
            yield return LayerShape.Elman(I, H, function);
            yield return LayerShape.Elman(I, H, function) with { Clip = 0.5f };
        }

        // Not invertible: a slope from h alone would be wrong.
        yield return LayerShape.Elman(I, H, new ActivationFunction(Activation.LeakyRelu, -0.3f));
        yield return LayerShape.Elman(I, H, new ActivationFunction(Activation.Elu, -0.5f));
        yield return LayerShape.Elman(I, H, new ActivationFunction(Activation.ThresholdedRelu, -0.2f));
        yield return LayerShape.Elman(I, H, new ActivationFunction(Activation.HardSigmoid, -0.3f, 0.4f));
    }

    private static ActivationFunction Affine => new(Activation.Affine, 0.3f, 0.6f);

    private static ActivationFunction ScaledTanh => new(Activation.ScaledTanh, 0.7f, 0.6f);

    private static ActivationFunction ThresholdedRelu => new(Activation.ThresholdedRelu, 0.3f);
}
