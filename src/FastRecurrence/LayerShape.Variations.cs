namespace FastRecurrence;

/// <remarks>The methods are the variations for languages without <c>with</c>; each gives another shape and leaves this one as it is.</remarks>
public sealed partial record LayerShape
{
    /// <summary>This shape with another function of the gates; see <see cref="GateActivation"/>.</summary>
    /// <exception cref="ArgumentException">The cell has no gate.</exception>
    public LayerShape WithGateActivation(ActivationFunction activation) => this with { GateActivation = activation };

    /// <summary>This shape with another function of the candidate; see <see cref="CandidateActivation"/>.</summary>
    public LayerShape WithCandidateActivation(ActivationFunction activation) => this with { CandidateActivation = activation };

    /// <summary>This shape with another function between c and h; see <see cref="CellActivation"/>.</summary>
    /// <exception cref="ArgumentException">The cell has no c.</exception>
    public LayerShape WithCellActivation(ActivationFunction activation) => this with { CellActivation = activation };

    /// <summary>This shape with peepholes, or without; see <see cref="Peepholes"/>.</summary>
    /// <exception cref="ArgumentException">The cell is no LSTM.</exception>
    public LayerShape WithPeepholes(bool peepholes = true) => this with { Peepholes = peepholes };

    /// <summary>This shape with <c>f = 1 − i</c>, or with a forget gate of its own; see <see cref="CoupledInputForget"/>.</summary>
    /// <exception cref="ArgumentException">The cell is no LSTM.</exception>
    public LayerShape WithCoupledInputForget(bool coupled = true) => this with { CoupledInputForget = coupled };

    /// <summary>This shape with the reset gate behind the product, or before it; see <see cref="LinearBeforeReset"/>.</summary>
    /// <exception cref="ArgumentException">The cell is no GRU.</exception>
    public LayerShape WithLinearBeforeReset(bool linearBeforeReset = true) => this with { LinearBeforeReset = linearBeforeReset };

    /// <summary>This shape with h projected to P features, 0 for none; see <see cref="ProjectionSize"/>.</summary>
    /// <exception cref="ArgumentException">The cell is no LSTM.</exception>
    /// <exception cref="ArgumentOutOfRangeException">P is negative or not below H.</exception>
    public LayerShape WithProjection(int projectionSize) => this with { ProjectionSize = projectionSize };

    /// <summary>This shape with preactivations held within ±<paramref name="clip"/>; see <see cref="Clip"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0, negative or NaN.</exception>
    public LayerShape WithClip(float clip) => this with { Clip = clip };
}
