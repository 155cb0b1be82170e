namespace FastRecurrence.Reference;

/// <summary>
/// Forward: r = σ(W x + R h′ + b), z likewise, h = (1 − z)∘n + z∘h′. Backward:
/// δn = dh∘(1 − z)∘tanh′(a_n)   δz = dh∘(h′ − n)∘σ′(a_z)   dx = Wᵀ(δr, δz, δn)
/// linear before reset, n = tanh(W x + b_n + r∘q), q = R_n h′ + b_hn:
/// δq = δn∘r   δr = δn∘q∘σ′(a_r)   dh′ = dh∘z + Rᵀ(δr, δz, δq)   db_hn += δq
/// reset first, n = tanh(W x + R_n s + b_n), s = r∘h′:
/// ds = R_nᵀ δn   δr = ds∘h′∘σ′(a_r)   dh′ = dh∘z + ds∘r + R_rzᵀ(δr, δz).
/// </summary>
internal sealed class ReferenceGru : ReferenceCell
{
    public override void Step(ReferenceStep s)
    {
        LayerShape shape = s.Layer.Shape;
        int H = shape.HiddenSize;
        var resetHidden = new double[H];
        for (int j = 0; j < H; j++)
        {
            s.Preactivations[j] = s.FromInput(j) + s.FromRecurrence(j, s.Hidden);
            s.Preactivations[H + j] = s.FromInput(H + j) + s.FromRecurrence(H + j, s.Hidden);
            s.Gates[j] = s.Activate(shape.GateActivation, s.Preactivations[j]);
            s.Gates[H + j] = s.Activate(shape.GateActivation, s.Preactivations[H + j]);
            resetHidden[j] = s.Gates[j] * s.Hidden[j];
        }

        for (int j = 0; j < H; j++)
        {
            double r = s.Gates[j], z = s.Gates[H + j];
            double recurrent = shape.LinearBeforeReset
                ? r * (s.FromRecurrence(2 * H + j, s.Hidden) + s.Layer.Bias[3 * H + j])
                : s.FromRecurrence(2 * H + j, resetHidden);
            double a = s.FromInput(2 * H + j) + recurrent;
            double n = s.Activate(shape.CandidateActivation, a);
            s.Preactivations[2 * H + j] = a;
            s.Gates[2 * H + j] = n;
            s.NextHidden[j] = (1 - z) * n + z * s.Hidden[j];
        }
    }

    public override void Deltas(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        int H = shape.HiddenSize;
        for (int j = 0; j < H; j++)
        {
            double z = s.Gates[H + j], n = s.Gates[2 * H + j], dh = s.HiddenGradient[j];
            s.Delta[H + j] = dh * (s.PreviousHidden[j] - n) * s.Slope(shape.GateActivation, 1, j);
            s.Delta[2 * H + j] = dh * (1 - z) * s.Slope(shape.CandidateActivation, 2, j);
            s.PreviousHiddenGradient[j] += dh * z;
        }

        if (shape.LinearBeforeReset)
            LinearBeforeReset(s, H);
        else
            ResetFirst(s, H);
    }

    // The candidate's product with R has been gone through by then: it does not multiply h′ alone, or not with δn.
    public override void Products(ReferenceBackwardStep s)
    {
        s.BackThroughInput();
        s.BackThroughRecurrence(0, 2, s.Delta, 0, s.PreviousHidden, s.PreviousHiddenGradient);
    }

    private static void LinearBeforeReset(ReferenceBackwardStep s, int H)
    {
        double[] δq = new double[H], R = s.Layer.RecurrentWeights;
        for (int j = 0; j < H; j++)
        {
            double q = s.Layer.Bias[3 * H + j], δn = s.Delta[2 * H + j];
            for (int k = 0; k < H; k++)
                q += R[(2 * H + j) * H + k] * s.PreviousHidden[k];
            s.Delta[j] = δn * q * s.Slope(s.Layer.Shape.GateActivation, 0, j);
            δq[j] = δn * s.Gates[j];
            s.Gradients.Bias[3 * H + j] += δq[j];
        }

        s.BackThroughRecurrence(2, 1, δq, 0, s.PreviousHidden, s.PreviousHiddenGradient);
    }

    private static void ResetFirst(ReferenceBackwardStep s, int H)
    {
        double[] resetHidden = new double[H], ds = new double[H];
        for (int j = 0; j < H; j++)
            resetHidden[j] = s.Gates[j] * s.PreviousHidden[j];
        s.BackThroughRecurrence(2, 1, s.Delta, 2 * H, resetHidden, ds);
        for (int j = 0; j < H; j++)
        {
            s.Delta[j] = ds[j] * s.PreviousHidden[j] * s.Slope(s.Layer.Shape.GateActivation, 0, j);
            s.PreviousHiddenGradient[j] += ds[j] * s.Gates[j];
        }
    }
}
