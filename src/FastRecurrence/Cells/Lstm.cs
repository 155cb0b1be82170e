using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>
/// The LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), its peepholes (Gers and Schmidhuber 2000), coupled gates (Greff et al.
/// 2017) and projection (Sak et al. 2014). Gates and columns i, f, g, o.
/// </summary>
internal sealed class Lstm : CellDefinition
{
    public static Lstm Definition { get; } = new();

    public override string Name => "lstm";

    public override string NameWithArticle => "an LSTM";

    public override CellKind Kind => CellKind.Lstm;

    public override CellVariations Variations => CellVariations.GateActivation | CellVariations.CellActivation | CellVariations.Peepholes
        | CellVariations.CoupledInputForget | CellVariations.Projection;

    public override ReferenceCell Reference { get; } = new ReferenceLstm();

    public override CellDescription Describe(LayerShape shape) => new()
    {
        Gates = ["i", "f", "g", "o"],
        InputColumns = [0, 1, 2, 3],
        RecurrentColumns = [0, 1, 2, 3],
        BiasColumns = [0, 1, 2, 3],
        RecurrentBlocks = 4,
        HasCell = true,
        Second = shape.ProjectionSize == 0 ? SecondProduct.None : SecondProduct.Projection,
        IsDefault = IsSigmoidTanh(shape) && !shape.Peepholes && !shape.CoupledInputForget && float.IsPositiveInfinity(shape.Clip),
    };

    public override TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor) =>
        Describe(shape).IsDefault ? visitor.Visit<DefaultLstm>()
        : IsSigmoidTanh(shape) ? Accept<TResult, Clipped<SigmoidTanh>>(shape, visitor)
        : Accept<TResult, Clipped<AnyActivations>>(shape, visitor);

    private static TResult Accept<TResult, TSet>(LayerShape shape, ICellVisitor<TResult> visitor)
        where TSet : struct, IActivationSet =>
        shape.Peepholes ? Accept<TResult, TSet, WithPeepholes>(shape, visitor) : Accept<TResult, TSet, NoPeepholes>(shape, visitor);

    private static TResult Accept<TResult, TSet, TPeepholes>(LayerShape shape, ICellVisitor<TResult> visitor)
        where TSet : struct, IActivationSet
        where TPeepholes : struct, IFlag =>
        shape.CoupledInputForget
            ? visitor.Visit<ConfigurableLstm<TSet, CoupledGates, TPeepholes>>()
            : visitor.Visit<ConfigurableLstm<TSet, FreeGates, TPeepholes>>();

    private static bool IsSigmoidTanh(LayerShape shape) =>
        shape.GateActivation.Kind == Activation.Sigmoid && shape.CandidateActivation.Kind == Activation.Tanh && shape.CellActivation.Kind == Activation.Tanh;
}

/// <summary>The LSTM with σ and tanh: a gate and what it lets through are one fraction, so no gate is needed by itself.</summary>
internal readonly struct DefaultLstm : ICell
{
    public static bool ReadsHidden => false;

    public static bool HasCell => true;

    public static GateSet UpdateGates => GateSet.X | GateSet.Y | GateSet.Z;

    public static GateSet OutputGates => GateSet.W;

    public static bool TwoPasses => true; // tanh(c) waits for all that is before it, and a processor sees too little of the next row to fill the wait

    public static bool LeavesGates => false;

    /// <summary><c>c' = σ(f)∘c + σ(i)∘tanh(g)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => cell = L.MultiplyAdd(Activations<V, L>.Sigmoid(a.Y), cell, Activations<V, L>.SigmoidTimesTanh(a.X, a.Z));

    /// <summary><c>h = σ(o)∘tanh(c')</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.SigmoidTimesTanh(a.W, cell);

    /// <summary>There is no product that adds to a gate.</summary>
    public static V Emit<V, L>(ref Gates<V> a, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => before;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Activate<V, L>(ref Gates<V> a)
        where V : struct
        where L : ILanes<V>
    {
        a.X = Activations<V, L>.Sigmoid(a.X);
        a.Y = Activations<V, L>.Sigmoid(a.Y);
        a.Z = Activations<V, L>.Tanh(a.Z);
        a.W = Activations<V, L>.Sigmoid(a.W);
    }

    public static bool HasKeepingForms => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void UpdateKeeping<V, L>(ref Gates<V> a, ref V cell)
        where V : struct
        where L : ILanes<V>
    {
        a.Y = Activations<V, L>.Sigmoid(a.Y);
        cell = L.MultiplyAdd(a.Y, cell, Activations<V, L>.SigmoidTimesTanh(a.X, a.Z, out a.X, out a.Z));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V OutputKeeping<V, L>(ref Gates<V> a, V cell)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.SigmoidTimesTanh(a.W, cell, out a.W, out _);

    public static GateSet SavedColumns => GateSet.All;

    public static GateSet GradientColumns => GateSet.All;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ConfigurableLstm<SigmoidTanh, FreeGates, NoPeepholes>.Backward<V, L>(ref a, ref hidden, ref cell, saved, settings);

    public static bool BackwardInTwoPasses => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ActivateCell<V, L>(V cell, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Tanh(cell);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BackwardAfter<V, L>(V activated, ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V> =>
        ConfigurableLstm<SigmoidTanh, FreeGates, NoPeepholes>.BackwardAfter<V, L>(activated, ref a, ref hidden, ref cell, saved, settings);
}

/// <summary>Yes or no as a type: a constant to the compiler.</summary>
internal interface IFlag
{
    static abstract bool IsSet { get; }
}

/// <summary>The forget gate has a preactivation of its own.</summary>
internal readonly struct FreeGates : IFlag
{
    public static bool IsSet => false;
}

/// <summary>The forget gate is 1 − i.</summary>
internal readonly struct CoupledGates : IFlag
{
    public static bool IsSet => true;
}

/// <summary>The gates do not see the cell.</summary>
internal readonly struct NoPeepholes : IFlag
{
    public static bool IsSet => false;
}

/// <summary>The gates see the cell through weights.</summary>
internal readonly struct WithPeepholes : IFlag
{
    public static bool IsSet => true;
}

/// <summary>An LSTM with any of its variations, each a constant: a condition within the loop over rows would keep gates from staying in registers.</summary>
internal readonly struct ConfigurableLstm<TSet, TCoupled, TPeepholes> : ICell
    where TSet : struct, IActivationSet
    where TCoupled : struct, IFlag
    where TPeepholes : struct, IFlag
{
    public static bool ReadsHidden => false;

    public static bool HasCell => true;

    public static GateSet UpdateGates => GateSet.X | GateSet.Y | GateSet.Z;

    public static GateSet OutputGates => GateSet.W;

    public static bool TwoPasses => true;

    public static bool LeavesGates => true;

    /// <summary>
    /// <c>i = f_g(i + p_i∘c)</c>, <c>f = f_g(f + p_f∘c)</c> or <c>1 − i</c>, <c>g = f_c(g)</c>, <c>c' = f∘c + i∘g</c>. A peephole joins its preactivation last.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V i = TSet.Gate<V, L>(TPeepholes.IsSet ? L.MultiplyAdd(peepholes.Input, cell, a.X) : a.X, settings);
        V f = TCoupled.IsSet ? L.Subtract(L.Broadcast(1f), i)
            : TSet.Gate<V, L>(TPeepholes.IsSet ? L.MultiplyAdd(peepholes.Forget, cell, a.Y) : a.Y, settings);
        V g = TSet.Candidate<V, L>(a.Z, settings);
        cell = L.MultiplyAdd(f, cell, L.Multiply(i, g));
        (a.X, a.Y, a.Z) = (i, f, g);
    }

    /// <summary><c>o = f_g(o + p_o∘c')</c>, <c>h = o∘f_h(c')</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V o = TSet.Gate<V, L>(TPeepholes.IsSet ? L.MultiplyAdd(peepholes.Output, cell, a.W) : a.W, settings);
        a.W = o;
        return L.Multiply(o, TSet.Cell<V, L>(cell, settings));
    }

    /// <summary>There is no product that adds to a gate.</summary>
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

    /// <summary>
    /// With y = f_h(c') and k = ∂L/∂c' by all ways: <c>δo = dh∘y∘f_g'(o)</c>, <c>k = dc + dh∘o∘f_h'(y) + p_o∘δo</c>, <c>δi = k∘g∘f_g'(i)</c>,
    /// <c>δf = k∘c∘f_g'(f)</c>, <c>δg = k∘i∘f_c'(g)</c>, <c>dc = k∘f + p_i∘δi + p_f∘δf</c>; with f = 1 − i, <c>δi = k∘(g − c)∘f_g'(i)</c> and δf = 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => BackwardAfter<V, L>(TSet.Cell<V, L>(saved.Cell, settings), ref a, ref hidden, ref cell, saved, settings);

    public static bool BackwardInTwoPasses => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ActivateCell<V, L>(V cell, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => TSet.Cell<V, L>(cell, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BackwardAfter<V, L>(V activated, ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V i = a.X, f = a.Y, g = a.Z, o = a.W, y = activated, before = saved.CellBefore;
        V output = L.Multiply(L.Multiply(hidden, y), TSet.GateSlope<V, L>(o, settings));
        V k = L.Add(cell, L.Multiply(L.Multiply(hidden, o), TSet.CellSlope<V, L>(y, settings)));
        if (TPeepholes.IsSet)
            k = L.MultiplyAdd(saved.Peepholes.Output, output, k);
        V input = L.Multiply(L.Multiply(k, TCoupled.IsSet ? L.Subtract(g, before) : g), TSet.GateSlope<V, L>(i, settings));
        V forget = TCoupled.IsSet ? L.Broadcast(0f) : L.Multiply(L.Multiply(k, before), TSet.GateSlope<V, L>(f, settings));
        V candidate = L.Multiply(L.Multiply(k, i), TSet.CandidateSlope<V, L>(g, settings));
        cell = L.Multiply(k, f);
        if (TPeepholes.IsSet)
        {
            cell = L.MultiplyAdd(saved.Peepholes.Input, input, cell);
            if (!TCoupled.IsSet)
                cell = L.MultiplyAdd(saved.Peepholes.Forget, forget, cell);
        }

        hidden = L.Broadcast(0f);
        (a.X, a.Y, a.Z, a.W) = (input, forget, candidate, output);
    }
}
