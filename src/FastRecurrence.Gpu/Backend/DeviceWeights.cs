using FastRecurrence.Cells;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using FastRecurrence.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// A layer's weights on a device, in the kernels' order. A narrow R lies there as it is stored; W, which is read once for all steps, as it decodes, or as
/// tensor cores take it.
/// </summary>
internal sealed class DeviceWeights : IDisposable
{
    private static readonly KernelInstance s_pack = new(
        typeof(TensorFragments).GetMethod(nameof(TensorFragments.Pack))!, TensorGemmLoop.Lanes * TensorFragments.PackedAtOnce);

    private readonly GpuDevice _device;
    private readonly List<Buffer> _buffers = [];
    private readonly LayerShape _shape;
    private RecurrentMatrices? _fragments;

    /// <summary>Uploads them.</summary>
    /// <exception cref="DeviceException">The device has too little memory; nothing is kept.</exception>
    public DeviceWeights(LayerWeights weights, GpuDevice device, WeightFormat format, InputGemm inputGemm)
    {
        LayerShape shape = weights.Shape;
        CellDescription description = shape.Describe();
        (_device, _shape, Columns4, InputSize) = (device, shape, PackedWeights.Columns4(shape), shape.InputSize);
        (CarriesHidden, UnitsInColumn) = (DeviceCell.Of(shape).CarriesHidden, DeviceCell.Of(shape).Units);
        RecurrentDepth = description.RecurrentBlocks > 0 ? shape.OutputSize : 0;
        int rows = description.GateCount * shape.HiddenSize;
        using Lock.Scope _ = device.Enter();
        try
        {
            float[] w, r;
            if (format == WeightFormat.Float32)
            {
                w = PackedWeights.Input(shape, weights.InputWeights);
                r = PackedWeights.Recurrent(shape, weights.RecurrentWeights, shape.OutputSize);
            }
            else
            {
                w = PackedWeights.Input(shape, NarrowMatrix.Encode(format, weights.InputWeights, rows, shape.InputSize).Decoded);
                NarrowMatrix stored = NarrowMatrix.Encode(format, weights.RecurrentWeights, rows, shape.OutputSize);
                r = PackedWeights.Recurrent(shape, stored.Lanes, stored.Groups);
            }

            Input = Upload(w, "W").Cast<Float4>();
            if (InputGemmFamily.OnTensorCores.Contains(inputGemm))
            {
                Input = Fragments(Input, shape.InputSize, Columns4, "W for tensor cores");
                _device.Free(_buffers[0]);
                _buffers.RemoveAt(0);
            }

            Recurrent = Upload(r, "R").Cast<Float4>();
            Bias = Upload(PackedWeights.Bias(weights), "b").Cast<Float4>();
            if (description.Second == SecondProduct.Candidate)
                Candidate = Upload(PackedWeights.Candidate(weights), "R of the candidate").Cast<Float4>();
            if (description.Second == SecondProduct.Projection)
                Projection = Upload(PackedWeights.Projection(weights), "the projection").Cast<Float4>();
            ArrayView<float> peepholes = Upload(weights.Peepholes, "the peepholes");
            Cell = CellParameters.From(shape, peepholes);
            Linear = new() { Peepholes = peepholes }; // all else 0: the identity
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Columns of W and R in fours.</summary>
    public int Columns4 { get; }

    /// <summary>Units of a float4 column.</summary>
    public int UnitsInColumn { get; }

    /// <summary>I.</summary>
    public int InputSize { get; }

    /// <summary>What the recurrent product sums over; 0 for a cell without one.</summary>
    public int RecurrentDepth { get; }

    /// <summary>Whether what a unit carries from step to step is its h, and not c.</summary>
    public bool CarriesHidden { get; }

    /// <summary>W, <c>[I, columns4]</c>, or in the order of <see cref="TensorFragments"/>.</summary>
    public ArrayView<Float4> Input { get; }

    /// <summary>R, <c>[P, columns4]</c>; without the candidate for a GRU that resets before its product.</summary>
    public ArrayView<Float4> Recurrent { get; }

    /// <summary>b, <c>[columns4]</c>.</summary>
    public ArrayView<Float4> Bias { get; }

    /// <summary>R of the candidate of a GRU that resets before its product; else empty.</summary>
    public ArrayView<Float4> Candidate { get; }

    /// <summary>W_p of a projection, <c>[H, columns4 of P]</c>; else empty.</summary>
    public ArrayView<Float4> Projection { get; }

    /// <summary>The cell's options.</summary>
    public CellParameters Cell { get; }

    /// <summary>Those of a cell that does nothing: what a projection runs with.</summary>
    public CellParameters Linear { get; }

    /// <summary>What a step multiplies by, as it lies here.</summary>
    public RecurrentMatrices Plain => new(Recurrent, Candidate, Projection);

    /// <summary>
    /// The same in the order of <see cref="TensorFragments"/>, made for the first state that needs it. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    /// <exception cref="DeviceException">The device has too little memory, or failed; the weights stay as they were.</exception>
    public RecurrentMatrices OnTensorCores()
    {
        if (_fragments is RecurrentMatrices made)
            return made;
        int before = _buffers.Count;
        try
        {
            RecurrentMatrices fragments = new(
                Fragments(Recurrent, RecurrentDepth, Columns4, "R for tensor cores"),
                Candidate.Length > 1 ? Fragments(Candidate, _shape.HiddenSize, Columns4, "R of the candidate for tensor cores") : Candidate,
                Projection.Length > 1
                    ? Fragments(Projection, _shape.HiddenSize, PackedWeights.Columns4(_shape.ProjectionSize), "the projection for tensor cores") : Projection);
            _fragments = fragments;
            return fragments;
        }
        catch (Exception e)
        {
            _device.Free([.. _buffers[before..]]);
            _buffers.RemoveRange(before, _buffers.Count - before);
            if (e is AcceleratorException failure)
                throw _device.Failure("bring R into the order of tensor cores", failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _device.Free([.. _buffers]);

    private ArrayView<float> Upload(ReadOnlySpan<float> values, string what)
    {
        Buffer buffer = _device.Upload(values, what);
        _buffers.Add(buffer);
        return buffer.View.BaseView;
    }

    private ArrayView<Float4> Fragments(ArrayView<Float4> matrix, int depth, int columns4, string what)
    {
        Buffer buffer = _device.Allocate<float>(TensorFragments.Length(depth, columns4) * PackedWeights.Lanes, what);
        _buffers.Add(buffer);
        ArrayView<Float4> fragments = buffer.View.BaseView.Cast<Float4>();
        if (depth > 0)
        {
            var config = new KernelConfig(
                new Index2D(KernelFamily.Tiles(TensorFragments.Across(columns4), TensorFragments.PackedAtOnce), TensorFragments.Panels(depth)),
                new Index2D(TensorGemmLoop.Lanes, TensorFragments.PackedAtOnce));
            _device.Kernel<FragmentArguments>(s_pack)(_device.DefaultStream, config, new()
            {
                Matrix = matrix.Cast<float>(),
                Fragments = fragments,
                Depth = depth,
                Columns4 = columns4,
            });
            _device.DefaultStream.Synchronize(); // states work in streams of their own
        }

        return fragments;
    }
}

/// <summary>What the recurrent products of a step multiply by: R, R of a second product, a projection; the last two empty where there is none.</summary>
internal readonly record struct RecurrentMatrices(ArrayView<Float4> Recurrent, ArrayView<Float4> Candidate, ArrayView<Float4> Projection);
