using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Cells;

/// <summary>
/// A cell of the tests' own, and all of it: minGRU (Feng et al. 2024, "Were RNNs All We Needed?"), <c>h' = (1 − z)∘h + z∘n</c> with z = σ(W_z x +
/// b_z) and n = W_n x + b_n.
/// It has two gates and no R. Nothing in the library knows it; it runs on every backend under the whole contract. docs/how-to-add.md explains this file.
/// </summary>
internal sealed class MinGru : CellDefinition
{
    public static MinGru Definition { get; } = new();

    public override string Name => "mingru";

    public override string NameWithArticle => "a minGRU";

    public override ReferenceCell Reference { get; } = new ReferenceMinGru();

    public override CellDescription Describe(LayerShape shape) => new()
    {
        Gates = ["z", "n"],
        InputColumns = [0, 1],
        RecurrentColumns = [],
        BiasColumns = [0, 1],
        RecurrentBlocks = 0,
    };

    public override TResult Accept<TResult>(LayerShape shape, ICellVisitor<TResult> visitor) => visitor.Visit<MinGruCell>();

    /// <summary>Puts the cell among those that every contract test runs.</summary>
    [ModuleInitializer]
    internal static void Join() => Problem.OtherCells.Add((inputSize, hiddenSize) => new LayerShape(Definition, inputSize, hiddenSize));
}

/// <summary>The equations, for every vector width and for devices.</summary>
internal readonly struct MinGruCell : ICell
{
    public static bool ReadsHidden => true;

    public static bool HasCell => false;

    public static GateSet UpdateGates => GateSet.X | GateSet.Y;

    public static GateSet OutputGates => GateSet.X | GateSet.Y;

    public static bool TwoPasses => false;

    public static bool LeavesGates => true;

    public static GateSet SavedColumns => GateSet.X | GateSet.Y;

    public static GateSet GradientColumns => GateSet.X | GateSet.Y;

    /// <summary><c>z = σ(z)</c>; n is its own preactivation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => a.X = Activations<V, L>.Sigmoid(a.X);

    /// <summary><c>h' = h + z∘(n − h)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => L.MultiplyAdd(a.X, L.Subtract(a.Y, before), before);

    /// <summary><c>δz = dh∘(n − h)∘σ'(z)</c>, <c>δn = dh∘z</c>, and <c>dh∘(1 − z)</c> goes straight to h of the step before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V z = a.X, n = a.Y;
        a.X = L.Multiply(L.Multiply(hidden, L.Subtract(n, saved.HiddenBefore)), SigmoidTanh.GateSlope<V, L>(z, settings));
        a.Y = L.Multiply(hidden, z);
        hidden = L.Multiply(hidden, L.Subtract(L.Broadcast(1f), z));
    }

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

/// <summary>
/// The same in plain loops over double, forward and backward, ′ marking the time before the step: h = h′ + z∘(n − h′),
/// δz = dh∘(n − h′)∘σ′(a_z)   δn = dh∘z   dh′ = dh∘(1 − z)   dx = Wᵀδ.
/// </summary>
internal sealed class ReferenceMinGru : ReferenceCell
{
    public override void Step(ReferenceStep s)
    {
        int H = s.Layer.Shape.HiddenSize;
        for (int j = 0; j < H; j++)
        {
            double a = s.Preactivations[j] = s.FromInput(j), n = s.Preactivations[H + j] = s.Gates[H + j] = s.FromInput(H + j);
            double z = s.Gates[j] = s.Activate(Activation.Sigmoid, a);
            s.NextHidden[j] = s.Hidden[j] + z * (n - s.Hidden[j]);
        }
    }

    public override void Deltas(ReferenceBackwardStep s)
    {
        int H = s.Layer.Shape.HiddenSize;
        for (int j = 0; j < H; j++)
        {
            double z = s.Gates[j], n = s.Gates[H + j], dh = s.HiddenGradient[j];
            s.Delta[j] = dh * (n - s.PreviousHidden[j]) * s.Slope(Activation.Sigmoid, 0, j);
            s.Delta[H + j] = dh * z;
            s.PreviousHiddenGradient[j] += dh * (1 - z);
        }
    }

    public override void Products(ReferenceBackwardStep s) => s.BackThroughInput();
}
