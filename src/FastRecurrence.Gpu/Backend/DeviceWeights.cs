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
    private readonly GpuDevice _device;
    private readonly List<Buffer> _buffers = [];

    /// <summary>Uploads them.</summary>
    /// <exception cref="DeviceException">The device has too little memory; nothing is kept.</exception>
    public DeviceWeights(LayerWeights weights, GpuDevice device, WeightFormat format, InputGemm inputGemm)
    {
        LayerShape shape = weights.Shape;
        CellDescription description = shape.Describe();
        (_device, Columns4, InputSize) = (device, PackedWeights.Columns4(shape), shape.InputSize);
        CarriesHidden = DeviceCell.Of(shape).CarriesHidden;
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

            if (InputGemmFamily.OnTensorCores.Contains(inputGemm))
                w = TensorWeights.Pack(w, shape.InputSize, Columns4 * PackedWeights.Lanes, inputGemm);
            Input = Upload(w, "W").Cast<Float4>();
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

    /// <summary>I.</summary>
    public int InputSize { get; }

    /// <summary>What the recurrent product sums over; 0 for a cell without one.</summary>
    public int RecurrentDepth { get; }

    /// <summary>Whether what a unit carries from step to step is its h, and not c.</summary>
    public bool CarriesHidden { get; }

    /// <summary>W, <c>[I, columns4]</c>, or in the order of <see cref="TensorWeights"/>.</summary>
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

    /// <inheritdoc/>
    public void Dispose() => _device.Free([.. _buffers]);

    private ArrayView<float> Upload(ReadOnlySpan<float> values, string what)
    {
        Buffer buffer = _device.Upload(values, what);
        _buffers.Add(buffer);
        return buffer.View.BaseView;
    }
}
