namespace FastRecurrence.Reference;

/// <summary>
/// Forward: i = σ(W x + R h′ + p_i∘c′ + b), f likewise or 1 − i, g = tanh(W x + R h′ + b), c = f∘c′ + i∘g,
/// o = σ(W x + R h′ + p_o∘c + b), m = o∘φ(c), h = m or W_p m. Backward, k being ∂L/∂c by all ways:
/// dm = dh, or W_pᵀ dh with dW_p += dh mᵀ
/// δo = dm∘φ(c)∘σ′(a_o)   k = dc + dm∘o∘φ′(c) + p_o∘δo
/// δi = k∘g∘σ′(a_i)   δf = k∘c′∘σ′(a_f)   δg = k∘i∘tanh′(a_g)   where f = 1 − i: δi = k∘(g − c′)∘σ′(a_i), δf = 0
/// dc′ = k∘f + p_i∘δi + p_f∘δf   dp_i += δi∘c′   dp_f += δf∘c′   dp_o += δo∘c
/// dx = Wᵀδ   dh′ = Rᵀδ.
/// </summary>
internal sealed class ReferenceLstm : ReferenceCell
{
    public override void Step(ReferenceStep s)
    {
        LayerShape shape = s.Layer.Shape;
        int H = shape.HiddenSize;
        double[] p = s.Layer.Peepholes, m = new double[H];
        bool peep = shape.Peepholes;
        for (int j = 0; j < H; j++)
        {
            double c = s.Cell[j];
            double ai = s.FromInput(j) + s.FromRecurrence(j, s.Hidden) + (peep ? p[j] * c : 0);
            double af = s.FromInput(H + j) + s.FromRecurrence(H + j, s.Hidden) + (peep ? p[H + j] * c : 0);
            double ag = s.FromInput(2 * H + j) + s.FromRecurrence(2 * H + j, s.Hidden);
            double i = s.Activate(shape.GateActivation, ai);
            double f = shape.CoupledInputForget ? 1 - i : s.Activate(shape.GateActivation, af);
            double g = s.Activate(shape.CandidateActivation, ag);
            double next = f * c + i * g;
            double ao = s.FromInput(3 * H + j) + s.FromRecurrence(3 * H + j, s.Hidden) + (peep ? p[2 * H + j] * next : 0);
            double o = s.Activate(shape.GateActivation, ao);
            s.NextCell[j] = next;
            m[j] = o * ReferenceActivation.Apply(shape.CellActivation, next); // clip bounds preactivations only
            (s.Preactivations[j], s.Preactivations[H + j], s.Preactivations[2 * H + j], s.Preactivations[3 * H + j]) = (ai, af, ag, ao);
            (s.Gates[j], s.Gates[H + j], s.Gates[2 * H + j], s.Gates[3 * H + j]) = (i, f, g, o);
        }

        for (int k = 0; k < shape.OutputSize; k++)
            s.NextHidden[k] = shape.ProjectionSize == 0 ? m[k] : ReferenceStep.Dot(s.Layer.Projection, k, m);
    }

    public override void Deltas(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        int H = shape.HiddenSize;
        double[] dm = ThroughProjection(s);
        for (int j = 0; j < H; j++)
        {
            double i = s.Gates[j], f = s.Gates[H + j], g = s.Gates[2 * H + j], o = s.Gates[3 * H + j];
            double c = s.Cell[j], before = s.PreviousCell[j];
            double δo = dm[j] * ReferenceActivation.Apply(shape.CellActivation, c) * s.Slope(shape.GateActivation, 3, j);
            double k = s.CellGradient[j] + dm[j] * o * ReferenceActivation.Derivative(shape.CellActivation, c); // clip does not hold c
            if (shape.Peepholes)
                k += s.Layer.Peepholes[2 * H + j] * δo;

            double di = shape.CoupledInputForget ? k * (g - before) : k * g;
            double δi = di * s.Slope(shape.GateActivation, 0, j);
            double δf = shape.CoupledInputForget ? 0 : k * before * s.Slope(shape.GateActivation, 1, j);
            double δg = k * i * s.Slope(shape.CandidateActivation, 2, j);
            s.CellGradient[j] = k * f;
            if (shape.Peepholes)
            {
                s.CellGradient[j] += s.Layer.Peepholes[j] * δi + s.Layer.Peepholes[H + j] * δf;
                s.Gradients.Peepholes[j] += δi * before;
                s.Gradients.Peepholes[H + j] += δf * before;
                s.Gradients.Peepholes[2 * H + j] += δo * c;
            }

            (s.Delta[j], s.Delta[H + j], s.Delta[2 * H + j], s.Delta[3 * H + j]) = (δi, δf, δg, δo);
        }
    }

    private static double[] ThroughProjection(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        int H = shape.HiddenSize, P = shape.ProjectionSize;
        if (P == 0)
            return s.HiddenGradient;
        double[] m = new double[H], dm = new double[H];
        for (int j = 0; j < H; j++)
            m[j] = s.Gates[3 * H + j] * ReferenceActivation.Apply(shape.CellActivation, s.Cell[j]);
        ReferenceBackwardStep.AddOuter(s.Gradients.Projection, 0, P, s.HiddenGradient, 0, m);
        ReferenceBackwardStep.AddTransposed(s.Layer.Projection, 0, P, s.HiddenGradient, 0, dm);
        return dm;
    }
}
