using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FastRecurrence.Gpu;

namespace FastRecurrence.Bench;

/// <summary>A layer on every device of this machine, I = H, 25 steps: kernels alone by the device's clock, and the whole call by the wall's.</summary>
public abstract class DeviceBenchmarks
{
    private const int Steps = 25;
    private RecurrentLayer? _layer;
    private LayerState? _state;
    private float[] _input = [], _output = [];

    [ParamsSource(nameof(Devices))]
    public string Device { get; set; } = "";

    [Params(CellKind.Lstm, CellKind.Elman)]
    public CellKind Cell { get; set; }

    [Params(256)]
    public int Hidden { get; set; }

    [Params(1, 64)]
    public int Batch { get; set; }

    /// <summary>The emulator is never timed. A machine without a device still lists the suite.</summary>
    public static IEnumerable<string> Devices =>
        GpuBackends.All.Where(b => b.IsAvailable && b.DeviceKind != DeviceKind.Emulator).Select(b => b.Name).DefaultIfEmpty("none");

    [GlobalSetup]
    public void Setup()
    {
        GpuBackend backend = GpuBackends.All.FirstOrDefault(b => b.Name == Device)
            ?? throw new InvalidOperationException($"No device here: {string.Join("; ", GpuBackends.All.Where(b => !b.IsAvailable).Select(b => $"{b.Name}: {b.UnavailableReason}"))}");
        LayerShape shape = Cell == CellKind.Lstm ? LayerShape.Lstm(Hidden, Hidden) : LayerShape.Elman(Hidden, Hidden);
        _layer = backend.Prepare(LayerWeights.Random(shape, 1));
        _state = _layer.CreateState(Batch);
        _input = new float[Steps * Batch * Hidden];
        var random = new Random(2);
        for (int i = 0; i < _input.Length; i++)
            _input[i] = 2 * random.NextSingle() - 1;
        _output = new float[Steps * Batch * Hidden];
        RunWhole();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _state?.Dispose();
        _layer?.Dispose();
    }

    /// <summary>Transfers and the driver's work included.</summary>
    protected void RunWhole() => _layer!.Run(_state!, Steps, _input, _output);

    /// <summary>The kernels of one sequence on data that lie on the device already, one synchronisation included.</summary>
    protected void RunKernels() => DeviceClock.Instance.Add(((GpuLayer)_layer!).MeasureKernels(_state!, Steps, 1));
}

/// <summary>By the device's clock.</summary>
[Config(typeof(ByDeviceClock))]
public class DeviceKernelBenchmarks : DeviceBenchmarks
{
    private sealed class ByDeviceClock : ManualConfig
    {
        public ByDeviceClock() => AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithClock(DeviceClock.Instance).WithId("device clock"));
    }

    [Benchmark]
    public void Kernels25() => RunKernels();
}

/// <summary>By the wall's clock.</summary>
public class DeviceCallBenchmarks : DeviceBenchmarks
{
    [Benchmark]
    public void Run25() => RunWhole();
}
