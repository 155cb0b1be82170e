using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu;

/// <summary>
/// What a step of a long sequence should cost on each kernel, in microseconds: enough to choose by. The constants are
/// published measurements of an H100 and estimates from them (kernels.md, "Performance model"), none measured with these
/// kernels yet; on CPU devices they are fitted to PoCL, where every thread of a group is saved and restored at a barrier.
/// </summary>
internal sealed class StepModel(DeviceTraits device, LayerShape shape, WeightFormat format, int batchSize)
{
    // Between two dependent launches on one stream.
    private const double CudaLaunch = 2.5, OpenClLaunch = 6;

    // A group's barriers, sums over slices and activations.
    private const double GroupStep = 0.35;

    // One hand-off of h through L2, and what each further group adds to it.
    private const double Exchange = 0.40, ExchangePerGroup = 0.0012;

    // Bytes a microsecond: out of L2 for all, and through L1 for one multiprocessor.
    private const double L2Bytes = 5.5e6, L1Bytes = 1e5;

    // A panel of k's of a tile from load to use when nothing else hides it.
    private const double TilePanel = 0.5;

    private readonly int _hidden = shape.HiddenSize;
    private readonly int _quads = PackedWeights.Quads(shape);
    private readonly double _launch = device.IsCpu ? 15 : device.Kind == DeviceKind.Cuda ? CudaLaunch : OpenClLaunch;

    // Multiply-adds a microsecond and multiprocessor; a CPU's worker through PoCL reaches about 10 a nanosecond.
    private readonly double _rate = device.IsCpu ? 10e3 : 128 * device.GigaHertz * 1e3;

    // Bytes of a quad and k of R; a bfloat16 pair takes a shift, then serves every row of the tile.
    private readonly double _quadBytes = format == WeightFormat.Float32 ? 16 : 8;

    private double Decoding(int rows) => format == WeightFormat.Float32 ? 1 : 1 + 0.5 / rows;

    private double MultiplyAdds(int rows, int quads) => 4.0 * rows * quads * _hidden;

    /// <summary><see cref="TileStepKernel"/>.</summary>
    public double Tile(int groups, bool large)
    {
        double block = large ? 4 : 1;
        double oneGroup = MultiplyAdds(GemmTile.GroupRows, GemmTile.QuadThreads) * block / _rate * (device.IsCpu ? 2.9 : large ? 1.3 : 1.8);
        double waves = Math.Ceiling((double)groups / device.Multiprocessors);
        double panels = device.IsCpu ? 0 : TilePanel * _hidden / GemmTile.Depth;
        return _launch + Math.Max(panels, waves * oneGroup);
    }

    /// <summary><see cref="SliceStepKernel"/>.</summary>
    public double Slice(int groups, int rows)
    {
        double oneGroup = MultiplyAdds(rows, SliceTile.Quads) * Decoding(rows) / _rate * 1.5;
        double waves = Math.Ceiling((double)groups / device.Multiprocessors);
        double tiles = Math.Ceiling((double)batchSize / rows);
        double read = device.IsCpu ? 0 : tiles * _quadBytes * _quads * _hidden / L2Bytes;
        return _launch + (device.IsCpu ? SliceTile.Threads * (rows == 1 ? 0.025 : 0.08 * rows) * waves : 0.6) + Math.Max(read, waves * oneGroup);
    }

    /// <summary><see cref="GroupSequenceKernel"/>.</summary>
    public double Group(int groups, int rows, bool held)
    {
        double waves = Math.Ceiling((double)groups / device.Multiprocessors);
        double read = held || device.IsCpu ? 0 : _quadBytes * _quads * _hidden / L1Bytes;
        double fixedCost = device.IsCpu ? 0.03 * _quads * GroupSequenceKernel.Slices : GroupStep;
        return waves * (fixedCost + Math.Max(read, MultiplyAdds(rows, _quads) * Decoding(rows) / _rate * 1.5));
    }

    /// <summary><see cref="GridSequenceKernel"/>; each direction's groups meet only each other.</summary>
    public double Grid(int groups, int directions, int rows, int quads, int rowsTogether)
    {
        double shared = Math.Ceiling((double)groups / device.Multiprocessors);
        return GroupStep + Exchange + ExchangePerGroup * groups / directions + shared * MultiplyAdds(rows, quads) * Decoding(Math.Min(rows, rowsTogether)) / _rate * 1.25;
    }
}
