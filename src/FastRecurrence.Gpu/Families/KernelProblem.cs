namespace FastRecurrence.Gpu.Families;

/// <summary>What a recurrent kernel is chosen for, and the arithmetic that the families' costs have in common.</summary>
/// <param name="Device">The device.</param>
/// <param name="Shape">The layer.</param>
/// <param name="Format">How R is stored.</param>
/// <param name="BatchSize">N, at least 1.</param>
internal sealed record KernelProblem(DeviceTraits Device, LayerShape Shape, WeightFormat Format, int BatchSize)
{
    // Multiply-adds a microsecond of a CPU's worker through PoCL.
    private const double CpuRate = 10e3;

    // The clock of the GPU that the families' costs were measured on (bench/results/h100), and what its L2 keeps of R beside all else.
    private const double MeasuredGigaHertz = 1.98, L2Bytes = 40e6, MemoryBytesPerMicrosecond = 2.9e6;

    // Between two dependent launches: within a recorded call on CUDA, the second waiting by itself or started by the driver; elsewhere on one stream.
    private const double CudaWaitingLaunch = 1.35, CudaLaunch = 2.0, OpenClLaunch = 6, CpuLaunch = 15;

    /// <summary>The kernel to take where it can run; null for the best.</summary>
    public ForcedKernel? Forced { get; init; }

    /// <summary>How h·R may be computed.</summary>
    public RecurrentGemm RecurrentGemm { get; init; }

    /// <summary>Groups of an instance of <see cref="GridPersistent"/>, by its chunks and rows, that the device holds at once.</summary>
    public Func<int, int, int> Resident { get; init; } = (_, _) => 0;

    /// <summary>H.</summary>
    public int HiddenSize => Shape.HiddenSize;

    /// <summary>Columns of R in fours.</summary>
    public int Columns4 => PackedWeights.Columns4(Shape);

    /// <summary>Whether the cell is the one that every kernel is built for.</summary>
    public bool IsDefaultCell => KernelTypes.IsDefaultCell(Shape);

    /// <summary>How much longer a multiprocessor of this device takes than the measured one, by the clock.</summary>
    public double Slowness => MeasuredGigaHertz / Device.GigaHertz;

    /// <summary>Whether R is read from memory in every step, since L2 does not hold it.</summary>
    public bool ExceedsL2 => RBytes > L2Bytes;

    /// <summary>Groups of each multiprocessor, at least one.</summary>
    public double GroupsEach(int groups) => Math.Max(1, (double)groups / Device.Multiprocessors);

    /// <summary>Microseconds of a CPU's worker for the products of some rows and float4 columns.</summary>
    public double CpuProducts(int rows, int columns4) => 4.0 * rows * columns4 * HiddenSize / CpuRate;

    /// <summary>Microseconds from a launch to the next that depends on it.</summary>
    public double Launch => Device.IsCpu ? CpuLaunch : Device.Kind == DeviceKind.Cuda ? CudaLaunch : OpenClLaunch;

    /// <summary>The same where the kernel waits for the one before by itself (<see cref="DependentLaunch"/>).</summary>
    public double WaitingLaunch => Device.Kind == DeviceKind.Cuda && !Device.IsCpu ? CudaWaitingLaunch : Launch;

    /// <summary>Microseconds of reading R once from memory where L2 does not hold it; else 0.</summary>
    public double ReadingR => ExceedsL2 ? RBytes / MemoryBytesPerMicrosecond : 0;

    private double RBytes => ColumnBytes * Columns4 * HiddenSize;

    /// <summary>Bytes of R for one k of a float4 column.</summary>
    public double ColumnBytes => Format == WeightFormat.Float32 ? 16 : 8;

    /// <summary>What decoding weights adds to the products: a bfloat16 pair takes a shift, then serves every row of the tile.</summary>
    public double Decoding(int rows) => Format == WeightFormat.Float32 ? 1 : 1 + 0.5 / rows;

    /// <summary>Rounds of groups that a multiprocessor runs one after another.</summary>
    public double Waves(int groups) => Math.Ceiling((double)groups / Device.Multiprocessors);
}
