using FastRecurrence.Cells;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
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

    /// <summary>Rows of W that are brought into the order of tensor cores at once; whole panels.</summary>
    private const int PanelRows = 8 * TensorGemmLoop.Depth;

    private readonly GpuDevice _device;
    private readonly ArrayView<float> _panels;
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
        var host = PackedLayer.Of(weights, format);
        using Lock.Scope _ = device.Enter();
        try
        {
            if (InputGemmFamily.OnTensorCores.Contains(inputGemm))
            {
                Input = FragmentRoom(InputSize, Columns4, "W for tensor cores");
                _panels = Room((long)Math.Min(InputSize, PanelRows) * Columns4 * PackedWeights.Lanes, "some rows of W");
            }
            else
            {
                Input = Room(host.Input.Length, "W").Cast<Float4>();
            }

            Recurrent = Room(host.Recurrent.Length, "R").Cast<Float4>();
            Bias = Room(host.Bias.Length, "b").Cast<Float4>();
            if (description.Second == SecondProduct.Candidate)
                Candidate = Room(host.Candidate.Length, "R of the candidate").Cast<Float4>();
            if (description.Second == SecondProduct.Projection)
                Projection = Room(host.Projection.Length, "the projection").Cast<Float4>();
            ArrayView<float> peepholes = Room(host.Peepholes.Length, "the peepholes");
            Cell = CellParameters.From(shape, peepholes);
            Linear = new() { Peepholes = peepholes }; // all else 0: the identity
            Fill(host);
        }
        catch (Exception e)
        {
            Dispose();
            if (e is AcceleratorException failure)
                throw _device.Failure("upload weights", failure);
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
                FragmentRoom(RecurrentDepth, Columns4, "R for tensor cores"),
                Candidate.Length > 1 ? FragmentRoom(_shape.HiddenSize, Columns4, "R of the candidate for tensor cores") : Candidate,
                Projection.Length > 1 ? FragmentRoom(_shape.HiddenSize, ProjectionColumns4, "the projection for tensor cores") : Projection);
            PackRecurrent(fragments);
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

    /// <summary>
    /// Other weights of the same shape into the same device memory, once all work that was enqueued has ended. Call it inside
    /// <see cref="GpuDevice.Enter"/>.
    /// </summary>
    /// <exception cref="DeviceException">The device failed: some of the weights may be the new ones.</exception>
    public void Load(PackedLayer host)
    {
        try
        {
            _device.Synchronize();
            Fill(host);
            if (_fragments is RecurrentMatrices fragments)
                PackRecurrent(fragments);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("load weights", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _device.Free([.. _buffers]);

    private int ProjectionColumns4 => PackedWeights.Columns4(_shape.ProjectionSize);

    private void Fill(PackedLayer host)
    {
        if (_panels.Length > 0)
            FillPanels(host.Input);
        else
            Upload(host.Input, Input);
        Upload(host.Recurrent, Recurrent);
        Upload(host.Bias, Bias);
        Upload(host.Candidate, Candidate);
        Upload(host.Projection, Projection);
        Transfer.ToDevice(_device, _device.DefaultStream, host.Peepholes, Cell.Peepholes);
    }

    /// <summary>Some panels of W at a time, so that it never lies on the device twice.</summary>
    private void FillPanels(ReadOnlySpan<float> input)
    {
        int width = Columns4 * PackedWeights.Lanes;
        for (int row = 0; row < InputSize; row += PanelRows)
        {
            int rows = Math.Min(PanelRows, InputSize - row);
            Transfer.ToDevice(_device, _device.DefaultStream, input.Slice(row * width, rows * width), _panels);
            Pack(_panels.Cast<Float4>(), Input.SubView(TensorFragments.Length(row, Columns4)), rows, Columns4);
        }
    }

    private void PackRecurrent(in RecurrentMatrices fragments)
    {
        Pack(Recurrent, fragments.Recurrent, RecurrentDepth, Columns4);
        if (Candidate.Length > 1)
            Pack(Candidate, fragments.Candidate, _shape.HiddenSize, Columns4);
        if (Projection.Length > 1)
            Pack(Projection, fragments.Projection, _shape.HiddenSize, ProjectionColumns4);
    }

    private void Upload(ReadOnlySpan<float> values, ArrayView<Float4> room)
    {
        if (!values.IsEmpty)
            Transfer.ToDevice(_device, _device.DefaultStream, values, room.Cast<float>());
    }

    private ArrayView<float> Room(long length, string what)
    {
        Buffer buffer = _device.Allocate<float>(length, what);
        _buffers.Add(buffer);
        return buffer.View.BaseView;
    }

    private ArrayView<Float4> FragmentRoom(int depth, int columns4, string what) =>
        Room(TensorFragments.Length(depth, columns4) * PackedWeights.Lanes, what).Cast<Float4>();

    /// <summary>Brings rows of a matrix into the order of tensor cores, and waits: states work in streams of their own.</summary>
    private void Pack(ArrayView<Float4> matrix, ArrayView<Float4> fragments, int depth, int columns4)
    {
        if (depth == 0)
            return;
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
        _device.DefaultStream.Synchronize();
    }
}

/// <summary>What the recurrent products of a step multiply by: R, R of a second product, a projection; the last two empty where there is none.</summary>
internal readonly record struct RecurrentMatrices(ArrayView<Float4> Recurrent, ArrayView<Float4> Candidate, ArrayView<Float4> Projection);
