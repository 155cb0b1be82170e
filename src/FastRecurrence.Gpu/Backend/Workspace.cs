using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>Scratch on a device for a chunk of steps. Grows where it must, never shrinks. Call all of it inside <see cref="GpuDevice.Enter"/>.</summary>
internal sealed class Workspace(GpuDevice device) : IDisposable
{
    private Buffer? _input, _preactivation, _output, _gates, _cells;

    /// <summary>x, rows of I.</summary>
    public ArrayView<float> Input => _input!.View.BaseView;

    /// <summary>b + x·W, rows of columns4.</summary>
    public ArrayView<Float4> Preactivation => _preactivation!.View.BaseView.Cast<Float4>();

    /// <summary>h, rows of H (P with a projection).</summary>
    public ArrayView<float> Output => _output!.View.BaseView;

    /// <summary>Activated gates, rows of <c>[G, H]</c>, and c, rows of H; one unused float each until they are first wanted.</summary>
    public WantedOutputs Wanted(bool gates, bool cells) => new()
    {
        Gates = _gates!.View.BaseView,
        Cells = _cells!.View.BaseView,
        WantGates = gates ? 1 : 0,
        WantCells = cells ? 1 : 0,
    };

    /// <summary>Makes room for so many floats; a failure leaves all as it was.</summary>
    /// <exception cref="DeviceException">The device has too little memory.</exception>
    public void Reserve(long input, long preactivation, long output)
    {
        if (Holds(_input, input) && Holds(_preactivation, preactivation) && Holds(_output, output))
            return;
        Buffer? newInput = null, newPreactivation = null, newOutput = null;
        try
        {
            newInput = Grown(_input, input, "the input of a chunk");
            newPreactivation = Grown(_preactivation, preactivation, "the preactivations of a chunk");
            newOutput = Grown(_output, output, "the outputs of a chunk");
            _gates ??= device.Allocate<float>(0, "no gates");
            _cells ??= device.Allocate<float>(0, "no c");
        }
        catch (DeviceException)
        {
            device.Free(newInput, newPreactivation, newOutput);
            throw;
        }

        Replace(ref _input, newInput);
        Replace(ref _preactivation, newPreactivation);
        Replace(ref _output, newOutput);
    }

    /// <summary>Makes room for gates and for c, where they are wanted; after <see cref="Reserve"/>.</summary>
    /// <exception cref="DeviceException">The device has too little memory.</exception>
    public void ReserveWanted(long gates, long cells)
    {
        Replace(ref _gates, Grown(_gates, gates, "the gates of a chunk"));
        Replace(ref _cells, Grown(_cells, cells, "c of every step of a chunk"));
    }

    /// <inheritdoc/>
    public void Dispose() => device.Free(_input, _preactivation, _output, _gates, _cells);

    private static bool Holds(Buffer? buffer, long length) => buffer is not null && buffer.Length >= length;

    private Buffer? Grown(Buffer? buffer, long length, string purpose) => Holds(buffer, length) ? null : device.Allocate<float>(length, purpose);

    private void Replace(ref Buffer? buffer, Buffer? grown)
    {
        if (grown is null)
            return;
        device.Free(buffer);
        buffer = grown;
    }
}
