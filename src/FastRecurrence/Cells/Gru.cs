using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>
/// The GRU (Cho et al. 2014), with the reset gate after the recurrent product (linear before reset: PyTorch, cuDNN) or before it. Gates r, z, n; columns r, z, n of
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
}
