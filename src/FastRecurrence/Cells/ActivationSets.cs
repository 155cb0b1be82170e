using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>The activations of a cell, as a type: constants to the compiler where they are known, chosen by number where they are not.</summary>
internal interface IActivationSet
{
    /// <summary>The function of the gates, from the preactivation.</summary>
    static abstract V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>The function of the candidate, from the preactivation.</summary>
    static abstract V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>The function between c and h of an LSTM.</summary>
    static abstract V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>The slope of <see cref="Gate"/>, from its value.</summary>
    static abstract V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>The slope of <see cref="Candidate"/>, from its value.</summary>
    static abstract V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>The slope of <see cref="Cell"/>, from its value.</summary>
    static abstract V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;
}

/// <summary>Gates σ, candidate and cell tanh.</summary>
internal readonly struct SigmoidTanh : IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.Sigmoid(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.Tanh(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.Tanh(y);
}

/// <summary>Candidate σ, for a cell without gates.</summary>
internal readonly struct SigmoidCandidate : IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Gate<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Cell<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.GateSlope<V, L>(y, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.FromOutput(y, Activation.Sigmoid, default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.CellSlope<V, L>(y, settings);
}

/// <summary>Candidate max(0, x), for a cell without gates.</summary>
internal readonly struct ReluCandidate : IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Gate<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Relu(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Cell<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.GateSlope<V, L>(y, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.FromOutput(y, Activation.Relu, default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.CellSlope<V, L>(y, settings);
}

/// <summary>Candidate x itself, for a cell without gates.</summary>
internal readonly struct LinearCandidate : IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Gate<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.Cell<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.GateSlope<V, L>(y, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.FromOutput(y, Activation.Linear, default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => SigmoidTanh.CellSlope<V, L>(y, settings);
}

/// <summary>Whatever the settings say.</summary>
internal readonly struct AnyActivations : IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Apply<V, L>(x, settings.Gate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Apply<V, L>(x, settings.Candidate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Apply<V, L>(x, settings.Cell);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Apply<V, L>(V x, ActivationSettings function)
        where V : struct
        where L : ILanes<V> => Activations<V, L>.Apply(x, (Activation)function.Kind, L.Broadcast(function.Alpha), L.Broadcast(function.Beta));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Slope<V, L>(y, settings.Gate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Slope<V, L>(y, settings.Candidate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => Slope<V, L>(y, settings.Cell);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Slope<V, L>(V y, ActivationSettings function)
        where V : struct
        where L : ILanes<V> => ActivationGradients<V, L>.FromOutput(y, (Activation)function.Kind, L.Broadcast(function.Alpha), L.Broadcast(function.Beta));
}

/// <summary>A set whose gates and candidate clip their preactivations first; NaN stays NaN. What the cell function gets is no preactivation.</summary>
internal readonly struct Clipped<TSet> : IActivationSet
    where TSet : struct, IActivationSet
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => TSet.Gate<V, L>(Clip<V, L>(x, settings.Clip), settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Candidate<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => TSet.Candidate<V, L>(Clip<V, L>(x, settings.Clip), settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cell<V, L>(V x, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => TSet.Cell<V, L>(x, settings);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Clip<V, L>(V x, float limit)
        where V : struct
        where L : ILanes<V> => L.AtMost(L.AtLeast(x, L.Broadcast(-limit)), L.Broadcast(limit));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V slope = TSet.GateSlope<V, L>(y, settings);
        if (float.IsPositiveInfinity(settings.Clip))
            return slope;
        V low = TSet.Gate<V, L>(L.Broadcast(-settings.Clip), settings), high = TSet.Gate<V, L>(L.Broadcast(settings.Clip), settings);
        return ActivationGradients<V, L>.WithClip(slope, y, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CandidateSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
        V slope = TSet.CandidateSlope<V, L>(y, settings);
        if (float.IsPositiveInfinity(settings.Clip))
            return slope;
        V low = TSet.Candidate<V, L>(L.Broadcast(-settings.Clip), settings), high = TSet.Candidate<V, L>(L.Broadcast(settings.Clip), settings);
        return ActivationGradients<V, L>.WithClip(slope, y, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V CellSlope<V, L>(V y, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => TSet.CellSlope<V, L>(y, settings);
}
