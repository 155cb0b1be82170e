using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// The epilogue of every variation: other activations, clip, peepholes, coupled gates, a reset before the product. Works in
/// passes over a block in L1, so an activation is chosen once a block and the textbook cells pay nothing for the others.
/// </summary>
internal static unsafe class GeneralEpilogue<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>LSTM.</summary>
    /// <param name="shape">The variation.</param>
    /// <param name="scratch">Preactivations i, f, g, o; overwritten with the gates.</param>
    /// <param name="activated">Scratch, <c>[rows][lanes]</c>.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="peepholes">Weights of the panel, <c>[3][lanes]</c>, or null.</param>
    /// <param name="cell">c of the panel, a vector a row: read and replaced.</param>
    /// <param name="hidden">h (before a projection), from the panel's first unit on.</param>
    /// <param name="units">Units that are not padding.</param>
    public static void Lstm(LayerShape shape, float* scratch, float* activated, int rows, float* peepholes, in RowView cell, in RowView hidden, int units)
    {
        float* i = scratch, f = scratch + L.Count, g = scratch + 2 * L.Count, o = scratch + 3 * L.Count;
        nint step = 4 * L.Count;
        if (peepholes != null)
        {
            Peep(i, rows, peepholes, cell);
            Peep(f, rows, peepholes + L.Count, cell);
        }

        Activate(shape.GateActivation, shape.Clip, i, rows, step);
        if (!shape.CoupledInputForget)
            Activate(shape.GateActivation, shape.Clip, f, rows, step);
        Activate(shape.CandidateActivation, shape.Clip, g, rows, step);
        for (int row = 0; row < rows; row++)
        {
            if (shape.CoupledInputForget)
                L.Store(LstmCell<V, L>.Coupled(L.Load(i + row * step)), f + row * step);
            V c = LstmCell<V, L>.CellOfGates(L.Load(i + row * step), L.Load(f + row * step), L.Load(g + row * step), L.Load(cell[row]));
            L.Store(c, cell[row]);
            L.Store(c, activated + row * L.Count);
        }

        if (peepholes != null)
            Peep(o, rows, peepholes + 2 * L.Count, cell);
        Activate(shape.GateActivation, shape.Clip, o, rows, step);
        Activate(shape.CellActivation, float.PositiveInfinity, activated, rows, L.Count);
        for (int row = 0; row < rows; row++)
            PartialVector<V, L>.Store(LstmCell<V, L>.HiddenOfGates(L.Load(o + row * step), L.Load(activated + row * L.Count)), hidden[row], units);
    }

    /// <summary>GRU, linear before its reset: as <see cref="Epilogue{V, L}.Gru"/>.</summary>
    public static void Gru(LayerShape shape, float* scratch, int rows, in RowView before, in RowView hidden, int units)
    {
        nint step = 4 * L.Count;
        float* r = scratch, z = scratch + L.Count, n = scratch + 2 * L.Count, recurrent = scratch + 3 * L.Count;
        Activate(shape.GateActivation, shape.Clip, r, rows, step);
        Activate(shape.GateActivation, shape.Clip, z, rows, step);
        for (int row = 0; row < rows; row++)
            L.Store(GruCell<V, L>.Candidate(L.Load(r + row * step), L.Load(n + row * step), L.Load(recurrent + row * step)), n + row * step);
        Activate(shape.CandidateActivation, shape.Clip, n, rows, step);
        for (int row = 0; row < rows; row++)
            PartialVector<V, L>.Store(GruCell<V, L>.Hidden(L.Load(z + row * step), L.Load(n + row * step), PartialVector<V, L>.Load(before[row], units)), hidden[row], units);
    }

    /// <summary>First half of a GRU that resets first: r and z, and r∘h for the second product.</summary>
    /// <param name="shape">The variation.</param>
    /// <param name="scratch">Preactivations r, z, n of the input; r and z overwritten with the gates.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="before">h of the step before, from the panel's first unit on.</param>
    /// <param name="reset">r∘h, likewise.</param>
    /// <param name="units">Units that are not padding.</param>
    public static void GruReset(LayerShape shape, float* scratch, int rows, in RowView before, in RowView reset, int units)
    {
        nint step = 4 * L.Count;
        Activate(shape.GateActivation, shape.Clip, scratch, rows, step);
        Activate(shape.GateActivation, shape.Clip, scratch + L.Count, rows, step);
        for (int row = 0; row < rows; row++)
            PartialVector<V, L>.Store(GruCell<V, L>.Reset(L.Load(scratch + row * step), PartialVector<V, L>.Load(before[row], units)), reset[row], units);
    }

    /// <summary>Second half: the candidate's activation and the new h, for a panel of runs.</summary>
    /// <param name="shape">The variation.</param>
    /// <param name="scratch">Preactivations n, <c>[rows][vectors][lanes]</c>; overwritten with n.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="vectors">Vectors of a row.</param>
    /// <param name="update">z, from the panel's first unit on.</param>
    /// <param name="before">h of the step before, likewise.</param>
    /// <param name="hidden">h, likewise.</param>
    /// <param name="units">Units that are not padding.</param>
    public static void GruCandidate(LayerShape shape, float* scratch, int rows, int vectors, in RowView update, in RowView before, in RowView hidden, int units)
    {
        Activate(shape.CandidateActivation, shape.Clip, scratch, rows * vectors, L.Count);
        for (int row = 0; row < rows; row++)
        {
            for (int first = 0; first < units; first += L.Count)
            {
                V z = PartialVector<V, L>.Load(update[row] + first, units - first), h = PartialVector<V, L>.Load(before[row] + first, units - first);
                PartialVector<V, L>.Store(GruCell<V, L>.Hidden(z, L.Load(scratch + (nint)row * vectors * L.Count + first), h), hidden[row] + first, units - first);
            }
        }
    }

    /// <summary>Elman: activates a block of preactivations straight into h.</summary>
    /// <param name="shape">The variation.</param>
    /// <param name="scratch">Preactivations, <c>[rows][vectors][lanes]</c>.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="vectors">Vectors of a row.</param>
    /// <param name="hidden">h, from the panel's first unit on.</param>
    /// <param name="units">Units that are not padding; only these are written.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Elman(LayerShape shape, float* scratch, int rows, int vectors, in RowView hidden, int units)
    {
        ActivationFunction function = shape.CandidateActivation;
        if (!float.IsPositiveInfinity(shape.Clip))
            Clip(shape.Clip, scratch, scratch + (nint)rows * vectors * L.Count, L.Count);
        switch (function.Kind)
        {
            case Activation.Sigmoid: ElmanRows(function, Activation.Sigmoid, scratch, rows, vectors, hidden, units); break;
            case Activation.Tanh: ElmanRows(function, Activation.Tanh, scratch, rows, vectors, hidden, units); break;
            case Activation.Relu: ElmanRows(function, Activation.Relu, scratch, rows, vectors, hidden, units); break;
            default: ElmanRows(function, function.Kind, scratch, rows, vectors, hidden, units); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ElmanRows(ActivationFunction function, Activation kind, float* scratch, int rows, int vectors, in RowView hidden, int units)
    {
        V alpha = L.Broadcast(function.Alpha), beta = L.Broadcast(function.Beta);
        for (int row = 0; row < rows; row++)
        {
            float* p = scratch, h = hidden[row];
            for (int left = units; left > 0; left -= L.Count)
            {
                PartialVector<V, L>.Store(Activations<V, L>.Apply(L.Load(p), kind, alpha, beta), h, left);
                p += L.Count;
                h += L.Count;
            }

            scratch += vectors * L.Count;
        }
    }

    /// <summary>Clips and activates one vector of every row, in place; with a stride of one vector a whole block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Activate(ActivationFunction function, float clip, float* p, int rows, nint stride)
    {
        float* end = p + rows * stride;
        V alpha = L.Broadcast(function.Alpha), beta = L.Broadcast(function.Beta);
        if (!float.IsPositiveInfinity(clip))
            Clip(clip, p, end, stride);

        switch (function.Kind)
        {
            case Activation.Linear:
                break;
            case Activation.Sigmoid:
                for (; p < end; p += stride)
                    L.Store(Activations<V, L>.Apply(L.Load(p), Activation.Sigmoid, alpha, beta), p);
                break;
            case Activation.Tanh:
                for (; p < end; p += stride)
                    L.Store(Activations<V, L>.Apply(L.Load(p), Activation.Tanh, alpha, beta), p);
                break;
            case Activation.Relu:
                for (; p < end; p += stride)
                    L.Store(Activations<V, L>.Apply(L.Load(p), Activation.Relu, alpha, beta), p);
                break;
            default:
                for (; p < end; p += stride)
                    L.Store(Activations<V, L>.Apply(L.Load(p), function.Kind, alpha, beta), p);
                break;
        }
    }

    private static void Clip(float limit, float* p, float* end, nint stride)
    {
        for (; p < end; p += stride)
            L.Store(L.AtMost(L.AtLeast(L.Load(p), L.Broadcast(-limit)), L.Broadcast(limit)), p);
    }

    private static void Peep(float* gate, int rows, float* weights, in RowView cell)
    {
        V w = L.Load(weights);
        for (int row = 0; row < rows; row++)
            L.Store(LstmCell<V, L>.Peep(L.Load(gate + row * 4 * L.Count), w, L.Load(cell[row])), gate + row * 4 * L.Count);
    }
}
