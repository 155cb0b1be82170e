using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What <see cref="InputGemmKernel"/> and <see cref="TensorInputGemmKernel"/> are launched with.</summary>
internal struct InputGemmArguments
{
    /// <summary>x, <c>[RowCount, InputSize]</c>.</summary>
    public ArrayView<float> Input;

    /// <summary>W, <c>[InputSize, Columns4]</c>, or in the order of <see cref="TensorFragments"/>.</summary>
    public ArrayView<Float4> Weights;

    /// <summary>b, <c>[Columns4]</c>.</summary>
    public ArrayView<Float4> Bias;

    /// <summary>Where b + x·W goes, <c>[RowCount, Columns4]</c>.</summary>
    public ArrayView<Float4> Preactivation;

    /// <summary>T·N; I, 0 where only b is wanted; columns in fours.</summary>
    public int RowCount, InputSize, Columns4;

    /// <summary>What a persistent grid will hand h through, <c>[RowCount, H]</c>, to be filled with <see cref="Words.Unwritten"/>.</summary>
    public ArrayView<float> Unwritten;

    /// <summary>Units of a float4 column, 1 or 4; 0 where nothing is to be filled.</summary>
    public int UnwrittenUnits;
}

/// <summary>What one time step in one launch is launched with: <see cref="TiledStepKernel"/> and <see cref="SplitKStepKernel"/>.</summary>
internal struct StepArguments
{
    /// <summary>h of the step before, <c>[Rows, Depth]</c>.</summary>
    public ArrayView<float> Hidden;

    /// <summary>R, <c>[Depth, Columns4]</c>.</summary>
    public ArrayView<Float4> Weights;

    /// <summary>b + x·W, <c>[Rows, Columns4]</c>.</summary>
    public ArrayView<Float4> Preactivation;

    /// <summary>A unit's own value from step to step: c, which is updated in place, or a GRU's h of the step before; <c>[Rows, HiddenSize]</c>.</summary>
    public ArrayView<float> Carried;

    /// <summary>Where the new h goes, <c>[Rows, HiddenSize]</c>: other memory than <see cref="Hidden"/>, which other groups still read.</summary>
    public ArrayView<float> Output;

    /// <summary>What else a caller asked for.</summary>
    public WantedOutputs Wanted;

    /// <summary>The sizes. <see cref="Depth"/> is what the product sums over: H, P of a projection, or 0 for a cell without a recurrent product.</summary>
    public int Rows, Depth, HiddenSize, Columns4;

    /// <summary>Not 0 where the activated column goes back to where its preactivations were, for the launch of a second product.</summary>
    public int KeepsColumns;

    /// <summary>The cell's options.</summary>
    public CellParameters Cell;
}

/// <summary>What a whole sequence in one launch is launched with: <see cref="BlockPersistentKernel"/>, and within <see cref="GridArguments"/>.</summary>
internal struct SequenceArguments
{
    /// <summary>h0, <c>[Rows, HiddenSize]</c>.</summary>
    public ArrayView<float> Initial;

    /// <summary>h of every step, <c>[Steps, Rows, HiddenSize]</c>.</summary>
    public ArrayView<float> Output;

    /// <summary>R, <c>[HiddenSize, Columns4]</c>.</summary>
    public ArrayView<Float4> Weights;

    /// <summary>b + x·W of every step, <c>[Steps, Rows, Columns4]</c>.</summary>
    public ArrayView<Float4> Preactivation;

    /// <summary>c or a GRU's h before the first step, <c>[Rows, HiddenSize]</c>.</summary>
    public ArrayView<float> Carried;

    /// <summary>What else a caller asked for, of every step.</summary>
    public WantedOutputs Wanted;

    /// <summary>The sizes.</summary>
    public int Steps, Rows, HiddenSize, Columns4;

    /// <summary>The cell's options.</summary>
    public CellParameters Cell;
}

/// <summary>What <see cref="GridPersistentKernel"/> is launched with.</summary>
internal struct GridArguments
{
    /// <summary>The first direction's sequence; its output is filled with 0xFF.</summary>
    public SequenceArguments Sequence;

    /// <summary>Where c goes after the last step, <c>[Rows, HiddenSize]</c>: the old c must survive until the grid is known to have succeeded.</summary>
    public ArrayView<float> NextCarried;

    /// <summary>Where the last step's h goes, <c>[Rows, HiddenSize]</c>, for the same reason.</summary>
    public ArrayView<float> NextHidden;

    /// <summary>The error flag, 0 before the launch, on the device; and in host memory, where it is only raised.</summary>
    public ArrayView<int> Flags, HostFlags;

    /// <summary>What the second direction has of its own; unused unless the grid is two deep.</summary>
    public SecondDirectionArguments Second;

    /// <summary>Polls of a word before a group gives up.</summary>
    public int PollBudget;
}

/// <summary>What the second direction of a layer has of its own. The rest of it lies behind the first direction's.</summary>
internal struct SecondDirectionArguments
{
    public ArrayView<float> Initial, Carried, NextCarried, NextHidden;
    public ArrayView<Float4> Weights;
}

/// <summary>Activated gates <c>[…, G, H]</c> and c <c>[…, H]</c> of the steps of a launch, each where a caller asked for it.</summary>
internal struct WantedOutputs
{
    public ArrayView<float> Gates, Cells;

    /// <summary>Not 0 where the memory is to be written.</summary>
    public int WantGates, WantCells;
}
