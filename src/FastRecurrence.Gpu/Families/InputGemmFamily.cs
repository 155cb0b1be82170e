using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary><c>b + x·W</c> of all steps in one launch: in float32, on tensor cores, or by cuBLAS onto the bias.</summary>
internal sealed class InputGemmFamily
{
    private static readonly KernelInstance s_async = new(typeof(AsyncInputGemmKernel).GetMethod("Run")!, AsyncGemmLoop.Threads);

    private readonly CuBlasGemm? _cuBlas;
    private readonly InputGemm _gemm;
    private readonly int _multiprocessors;
    private readonly KernelLaunch<InputGemmArguments> _small, _large;
    private readonly KernelLaunch<InputGemmArguments>? _async;

    /// <summary>Loads the kernels. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    /// <exception cref="NotSupportedException">cuBLAS does not load.</exception>
    public InputGemmFamily(GpuDevice device, InputGemm gemm, int inputSize)
    {
        (_gemm, _multiprocessors) = (gemm, device.Traits.Multiprocessors);
        if (gemm == InputGemm.CuBlas)
            _cuBlas = device.CuBlas(out string? reason) ?? throw new NotSupportedException(reason);
        _small = device.Kernel<InputGemmArguments>(Instance(gemm, large: false));
        _large = device.Kernel<InputGemmArguments>(Instance(gemm, large: true));
        // Rows must begin at 16 bytes.
        if (gemm == InputGemm.Float32 && device.Traits.HasAsyncCopies && inputSize > 0 && inputSize % 4 == 0)
            _async = device.Kernel<InputGemmArguments>(s_async);
    }

    /// <summary>Those on tensor cores.</summary>
    public static IReadOnlyList<InputGemm> OnTensorCores { get; } = [InputGemm.Tf32, InputGemm.TripleTf32, InputGemm.Bfloat16];

    /// <summary>Every instance that a CUDA device may be given, by a name that says what it is.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
    [
        ("input-gemm-async", s_async),
        .. from large in (bool[])[false, true]
        from gemm in (IEnumerable<InputGemm>)[InputGemm.Float32, .. OnTensorCores]
        let name = gemm == InputGemm.Float32 ? "" : gemm.ToString().ToLowerInvariant() + "-"
        select ($"input-gemm-{name}{(large ? "large" : "small")}", Instance(gemm, large)),
    ];

    /// <summary>
    /// The preactivations of so many rows of x, for a layer's weights; fills <paramref name="unwritten"/>, <c>[rows, H]</c>, where it is not empty, with what
    /// a persistent grid waits on. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    public void Run(
        AcceleratorStream queue, DeviceWeights weights, ArrayView<float> input, ArrayView<Float4> preactivation, int rows, ArrayView<float> unwritten)
    {
        int columns4 = weights.Columns4, inputSize = weights.InputSize;
        bool large = IsLarge(rows, columns4);
        (large ? _async ?? _large : _small)(queue, Config(rows, columns4, large), new()
        {
            Input = input,
            Weights = weights.Input,
            Bias = weights.Bias,
            Preactivation = preactivation,
            RowCount = rows,
            InputSize = _cuBlas is null ? inputSize : 0,
            Columns4 = columns4,
            Unwritten = unwritten.Length > 0 ? unwritten : input,
            UnwrittenUnits = unwritten.Length > 0 ? weights.UnitsInColumn : 0,
        });
        var sizes = CuBlasGemm.ColumnMajor.Of(rows, inputSize, columns4 * PackedWeights.Lanes);
        _cuBlas?.MultiplyAdd(queue, input, weights.Input.Cast<float>(), preactivation.Cast<float>(), sizes);
    }

    /// <summary>Large tiles where they fill up; on tensor cores, where they occupy every multiprocessor.</summary>
    private bool IsLarge(int rows, int columns4) => OnTensorCores.Contains(_gemm)
        ? KernelFamily.Tiles(rows, 32 * TensorGemmLoop.RowWarps) * KernelFamily.Tiles(columns4, TensorGemmLoop.TileColumns4) >= _multiprocessors
        : rows > 2 * GemmLoop.GroupRows;

    private static KernelInstance Instance(InputGemm gemm, bool large) => gemm switch
    {
        InputGemm.Tf32 => OnTensorCore(typeof(SingleTf32), large),
        InputGemm.Bfloat16 => OnTensorCore(typeof(SingleBfloat16), large),
        InputGemm.TripleTf32 => OnTensorCore(typeof(TripleTf32), large),
        _ => KernelInstance.Close(GemmLoop.Threads, 1, typeof(InputGemmKernel), large ? typeof(LargeBlock) : typeof(SmallBlock)),
    };

    private static KernelInstance OnTensorCore(Type product, bool large) => KernelInstance.Close(
        TensorGemmLoop.Lanes * TensorGemmLoop.Warps, 2, typeof(TensorInputGemmKernel), [.. TensorTiles.Types(large ? 32 : 16), product]);

    // Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.
    private KernelConfig Config(int rows, int columns4, bool large)
    {
        if (!OnTensorCores.Contains(_gemm))
        {
            int factor = large ? 2 : 1;
            return new(
                new Index2D(KernelFamily.Tiles(rows, factor * GemmLoop.GroupRows), KernelFamily.Tiles(columns4, factor * GemmLoop.ColumnThreads)),
                new Index2D(GemmLoop.ColumnThreads, GemmLoop.RowThreads));
        }

        return TensorTiledStep.Config(rows, columns4, (large ? 32 : 16) * TensorGemmLoop.RowWarps);
    }
}
