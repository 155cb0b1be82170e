using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>
/// The GRU (Cho et al. 2014), with the reset gate after the recurrent product (linear before reset: PyTorch, cuDNN) or before it. Gates r, z, n;
/// columns r, z, n of
/// the input, and n of the recurrence where the reset gate multiplies it.
/// </summary>
internal sealed class Gru : CellDefinition
{
    public static Gru Definition { get; } = new();

    public override string Name => "gru";

    public override string NameWithArticle => "a GRU";

    public override CellKind Kind => CellKind.Gru;

    public override CellVariations Variations => CellVariations.GateActivation | CellVariations.LinearBeforeReset;

    public override ReferenceCell Reference { get; } = new ReferenceGru();

    public override CellDescription Describe(LayerShape shape)
    {
        bool linearBeforeReset = shape.LinearBeforeReset;
        return new CellDescription
        {
            Gates = ["r", "z", "n"],
            InputColumns = [0, 1, 2],
            RecurrentColumns = linearBeforeReset ? [0, 1, 3] : [0, 1],
            BiasColumns = linearBeforeReset ? [0, 1, 2, 3] : [0, 1, 2],
            RecurrentBlocks = 3,
            Second = linearBeforeReset ? SecondProduct.None : SecondProduct.Candidate,
            IsDefault = linearBeforeReset && IsSigmoidTanh(shape) && float.IsPositiveInfinity(shape.Clip),
        };
    }

    public override TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor)
    {
        if (!shape.LinearBeforeReset)
            return IsSigmoidTanh(shape) ? visitor.Visit<ResetFirstGru<Clipped<SigmoidTanh>>>() : visitor.Visit<ResetFirstGru<Clipped<AnyActivations>>>();
        return Describe(shape).IsDefault ? visitor.Visit<LinearBeforeResetGru<SigmoidTanh>>()
            : IsSigmoidTanh(shape) ? visitor.Visit<LinearBeforeResetGru<Clipped<SigmoidTanh>>>()
            : visitor.Visit<LinearBeforeResetGru<Clipped<AnyActivations>>>();
    }

    private static bool IsSigmoidTanh(LayerShape shape) => shape.GateActivation.Kind == Activation.Sigmoid && shape.CandidateActivation.Kind == Activation.Tanh;

    /// <summary><c>h' = (1 − z)∘n + z∘h</c>, written as n + z∘(h − n).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Hidden<V, L>(V z, V n, V before)
        where V : struct
        where L : ILanes<V> => L.MultiplyAdd(z, L.Subtract(before, n), n);

    /// <summary>A step back through <see cref="Hidden"/>: <c>δz = dh∘(h − n)∘f_g'(z)</c>, <c>δn = dh∘(1 − z)∘f_c'(n)</c>; dh∘z goes straight to h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BackwardOfHidden<V, L, TSet>(ref V z, ref V n, ref V hidden, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
        where TSet : struct, IActivationSet
    {
        V update = L.Multiply(L.Multiply(hidden, L.Subtract(before, n)), TSet.GateSlope<V, L>(z, settings));
        V candidate = L.Multiply(L.Multiply(hidden, L.Subtract(L.Broadcast(1f), z)), TSet.CandidateSlope<V, L>(n, settings));
        hidden = L.Multiply(hidden, z);
        (z, n) = (update, candidate);
    }
}

/// <summary>A GRU whose reset gate multiplies <c>R_n h + b_hn</c>; the default with unclipped σ and tanh.</summary>
internal readonly struct LinearBeforeResetGru<TSet> : ICell
    where TSet : struct, IActivationSet
{
    public static bool ReadsHidden => true;

    public static bool HasCell => false;

    public static GateSet UpdateGates => GateSet.All;

    public static GateSet OutputGates => GateSet.Y | GateSet.Z;

    public static bool TwoPasses => false;

    public static bool LeavesGates => true;

    /// <summary><c>r = f_g(r)</c>, <c>z = f_g(z)</c>, <c>n = f_c(n + r∘(R_n h + b_hn))</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        a.X = TSet.Gate<V, L>(a.X, settings);
        a.Y = TSet.Gate<V, L>(a.Y, settings);
        a.Z = TSet.Candidate<V, L>(L.MultiplyAdd(a.X, a.W, a.Z), settings);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Gru.Hidden<V, L>(a.Y, a.Z, before);

    /// <summary>There is no second product.</summary>
    public static V Emit<V, L>(ref Gates<V> a, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => before;

    /// <summary>They are activated already.</summary>
    public static void Activate<V, L>(ref Gates<V> a)
        where V : struct
        where L : ILanes<V>
    {
    }

    public static GateSet SavedColumns => GateSet.All;

    public static GateSet GradientColumns => GateSet.All;

    /// <summary>With q = R_n h + b_hn: δz and δn of <see cref="Gru.BackwardOfHidden"/>, <c>δr = δn∘q∘f_g'(r)</c>, <c>δq = δn∘r</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V r = a.X;
        Gru.BackwardOfHidden<V, L, TSet>(ref a.Y, ref a.Z, ref hidden, saved.HiddenBefore, settings);
        a.X = L.Multiply(L.Multiply(a.Z, a.W), TSet.GateSlope<V, L>(r, settings));
        a.W = L.Multiply(a.Z, r);
    }
}

/// <summary>A GRU whose reset gate multiplies h, so that R_n's product waits for all of r.</summary>
internal readonly struct ResetFirstGru<TSet> : ICell
    where TSet : struct, IActivationSet
{
    public static bool ReadsHidden => true;

    public static bool HasCell => false;

    public static GateSet UpdateGates => GateSet.X | GateSet.Y;

    public static GateSet OutputGates => GateSet.X;

    public static bool TwoPasses => false;

    public static bool LeavesGates => true;

    /// <summary><c>r = f_g(r)</c>, <c>z = f_g(z)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        a.X = TSet.Gate<V, L>(a.X, settings);
        a.Y = TSet.Gate<V, L>(a.Y, settings);
    }

    /// <summary><c>r∘h</c>, what R_n multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => L.Multiply(a.X, before);

    /// <summary><c>n = f_c(n)</c>, then h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Emit<V, L>(ref Gates<V> a, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        a.Z = TSet.Candidate<V, L>(a.Z, settings);
        return Gru.Hidden<V, L>(a.Y, a.Z, before);
    }

    /// <summary>They are activated already.</summary>
    public static void Activate<V, L>(ref Gates<V> a)
        where V : struct
        where L : ILanes<V>
    {
    }

    public static GateSet SavedColumns => GateSet.X | GateSet.Y | GateSet.Z;

    public static GateSet GradientColumns => GateSet.X | GateSet.W;

    /// <summary>With ds = ∂L/∂(r∘h), which is R_nᵀδn: <c>δr = ds∘h∘f_g'(r)</c>; ds∘r goes straight to h. W gets r∘h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V r = a.X;
        a.X = L.Multiply(L.Multiply(hidden, saved.HiddenBefore), TSet.GateSlope<V, L>(r, settings));
        a.W = L.Multiply(r, saved.HiddenBefore);
        hidden = L.Multiply(hidden, r);
    }

    /// <summary>δz and δn of <see cref="Gru.BackwardOfHidden"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BackwardOfEmit<V, L>(ref Gates<V> a, ref V hidden, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Gru.BackwardOfHidden<V, L, TSet>(ref a.Y, ref a.Z, ref hidden, before, settings);
}
