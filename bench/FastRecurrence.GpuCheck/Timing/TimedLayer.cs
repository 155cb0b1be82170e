using System.Diagnostics;
using FastRecurrence.Gpu;

namespace FastRecurrence.GpuCheck.Timing;

/// <summary>A layer with a state and data on the device, whose sequences are timed.</summary>
internal sealed class TimedLayer : IDisposable
{
    private readonly GpuStream _stream;
    private readonly LayerState _state;
    private readonly DeviceBuffer _input, _output;
    private readonly Action _sequence;

    /// <summary>A device that idled needs that long to find its clock.</summary>
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(30);

    /// <summary>Makes it and runs it for a while, which compiles what must be compiled.</summary>
    /// <param name="layer">Not disposed of here.</param>
    /// <param name="inputGemmAlone">Whether only b + x·W of a sequence is computed.</param>
    public TimedLayer(GpuLayer layer, int T, int N, bool inputGemmAlone = false)
    {
        var backend = (GpuBackend)layer.Backend;
        _stream = backend.CreateStream();
        try
        {
            _state = layer.CreateState(N, _stream);
            _input = backend.Allocate((long)T * N * layer.Shape.InputSize);
            _output = backend.Allocate((long)T * N * layer.Shape.OutputSize);
            _input.CopyFrom(Noise.Of(T * N * layer.Shape.InputSize), _stream);
            _sequence = inputGemmAlone ? () => layer.RunInputGemm(_state, T, _input) : () => layer.Run(_state, T, _input, _output);
            _sequence();
            _stream.Synchronize();
            long start = Stopwatch.GetTimestamp();
            do
            {
                _sequence();
                _stream.Synchronize();
            }
            while (Stopwatch.GetElapsedTime(start) < s_warmUp);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Microseconds of whole sequences, after one that does not count: so many by the host's clock, waiting included, then between marks.</summary>
    public void Time(int repeats, List<double> host, List<double> device)
    {
        _sequence();
        _stream.Synchronize();
        for (int i = 0; i < repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            _sequence();
            _stream.Synchronize();
            host.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        // Apart, since marks cost calls of the driver.
        for (int i = 0; i < repeats; i++)
        {
            using DeviceMark before = _stream.Mark();
            _sequence();
            using DeviceMark after = _stream.Mark();
            _stream.Synchronize();
            device.Add(after.Since(before).TotalMicroseconds);
        }
    }

    public void Dispose()
    {
        _state?.Dispose();
        _input?.Dispose();
        _output?.Dispose();
        _stream.Dispose();
    }
}

/// <summary>Inputs within ±1.</summary>
internal static class Noise
{
    public static float[] Uniform(Random random, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(2 * random.NextDouble() - 1);
        return values;
    }

    /// <summary>Repeats itself after a million, which no time depends on.</summary>
    public static float[] Of(int count)
    {
        float[] some = Uniform(new Random(3), Math.Min(count, 1 << 20)), all = new float[count];
        for (int i = 0; i < count; i += some.Length)
            some.AsSpan(0, Math.Min(some.Length, count - i)).CopyTo(all.AsSpan(i));
        return all;
    }
}
