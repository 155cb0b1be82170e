using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Cells;

/// <summary>The Elman cell (Elman 1990; simple RNN, ONNX <c>RNN</c>): h is its one gate.</summary>
internal sealed class Elman : CellDefinition
{
    public static Elman Definition { get; } = new();

    public override string Name => "elman";

    public override string NameWithArticle => "an Elman cell";

    public override CellKind Kind => CellKind.Elman;

    public override ReferenceCell Reference { get; } = new ReferenceElman();

    public override CellDescription Describe(LayerShape shape) => new()
    {
        Gates = ["h"],
        InputColumns = [0],
        RecurrentColumns = [0],
        BiasColumns = [0],
        RecurrentBlocks = 1,
        IsDefault = HasOwnKernel(shape),
    };

    /// <summary>Whether the activation is one of those that every kernel has.</summary>
    public static bool HasOwnKernel(LayerShape shape) =>
        float.IsPositiveInfinity(shape.Clip) && shape.Activation is Activation.Tanh or Activation.Relu or Activation.Sigmoid or Activation.Linear;

    public override TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor)
    {
        if (!HasOwnKernel(shape))
            return visitor.Visit<ElmanCell<Clipped<AnyActivations>>>();
        return shape.Activation switch
        {
            Activation.Tanh => visitor.Visit<ElmanCell<SigmoidTanh>>(),
            Activation.Relu => visitor.Visit<ElmanCell<ReluCandidate>>(),
            Activation.Sigmoid => visitor.Visit<ElmanCell<SigmoidCandidate>>(),
            _ => visitor.Visit<ElmanCell<LinearCandidate>>(),
        };
    }
}

/// <summary><c>h = f_c(a)</c>.</summary>
internal readonly struct ElmanCell<TSet> : ICell
    where TSet : struct, IActivationSet
{
    public static bool ReadsHidden => false;

    public static bool HasCell => false;

    public static GateSet UpdateGates => GateSet.X;

    public static GateSet OutputGates => GateSet.X;

    public static bool TwoPasses => false;

    public static bool LeavesGates => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => a.X = TSet.Candidate<V, L>(a.X, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => a.X;

    /// <summary>There is no second product.</summary>
    public static V Emit<V, L>(ref Gates<V> a, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => before;

    /// <summary>It is activated already.</summary>
    public static void Activate<V, L>(ref Gates<V> a)
        where V : struct
        where L : ILanes<V>
    {
    }

    public static GateSet SavedColumns => GateSet.X;

    public static GateSet GradientColumns => GateSet.X;

    /// <summary><c>δ = dh∘f_c'(h)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        a.X = L.Multiply(hidden, TSet.CandidateSlope<V, L>(a.X, settings));
        hidden = L.Broadcast(0f);
    }
}
