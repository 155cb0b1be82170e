using System.Reflection;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>Launches <see cref="InputGemmKernel"/>: input, weights, bias, preactivation, rows, I, H.</summary>
internal delegate void InputGemmLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> input, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> preactivation, int rowCount, int inputSize, int hiddenSize);

/// <summary>Launches <see cref="StepKernel"/>.</summary>
internal delegate void StepLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> hidden, ArrayView<float> weights, ArrayView<float> preactivation, ArrayView<float> cell, ArrayView<float> output, ArrayView<float> gates, int batchSize, int hiddenSize, int activation, int wantGates);

/// <summary>The loaded kernels of one cell on one device.</summary>
internal sealed record CellKernels(InputGemmLaunch InputGemm, StepLaunch Step)
{
    /// <summary>Every kernel of this package, for tests that compile them without a device.</summary>
    public static IEnumerable<MethodInfo> Methods =>
        from type in new[] { typeof(InputGemmKernel), typeof(StepKernel) }
        from cell in Enum.GetValues<CellKind>()
        select Method(type, cell);

    /// <summary>Compiles for a device.</summary>
    public static CellKernels Load(Accelerator accelerator, CellKind cell) => new(
        KernelLoader.Load<InputGemmLaunch>(accelerator, Method(typeof(InputGemmKernel), cell)),
        KernelLoader.Load<StepLaunch>(accelerator, Method(typeof(StepKernel), cell)));

    /// <summary>A group for every tile of rows and units. Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.</summary>
    public static KernelConfig Grid(int rows, int units) => new(
        new Index2D(Tiles(rows, GemmTile.Rows), Tiles(units, GemmTile.UnitThreads)),
        new Index2D(GemmTile.UnitThreads, GemmTile.RowThreads));

    private static int Tiles(int count, int size) => (count - 1) / size + 1;

    private static MethodInfo Method(Type kernel, CellKind cell) => kernel.GetMethod(cell.ToString())!;
}
