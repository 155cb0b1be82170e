using System.Diagnostics;
using System.Globalization;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace FastRecurrence.TestKit.Fuzzing;

/// <summary>An input on which a reader misbehaved, with what repeats it.</summary>
internal sealed record FuzzFailure(string Reader, int Seed, long Input, string What, byte[] Bytes);

/// <summary>
/// Damages valid files at random and reads them: a reader may only accept them or refuse them with a typed exception, within
/// two seconds and little memory. The same seed damages in the same way on every machine.
/// </summary>
internal sealed class Fuzzer : IDisposable
{
    private const long MemoryBase = 16 << 20;

    private static readonly byte[][] s_interesting =
    [
        [0], [0xFF], [0x7F], [0x80], [0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [.. "-1"u8], [.. "1e9"u8], [.. "null"u8], [.. "99999999999999999999"u8], [.. "{"u8], [.. "["u8], [.. "\""u8],
    ];

    private readonly RecurrentStack _stack = new(Backend.Reference, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(2, 3), 1)));
    private readonly (string Name, byte[] Seed, Action<byte[]> Read)[] _readers;

    /// <param name="more">Readers beside the library's own.</param>
    public Fuzzer(params ReadOnlySpan<(string Name, byte[] Seed, Action<byte[]> Read)> more)
    {
        _readers =
        [
            ("safetensors", FuzzSeeds.Safetensors(), ReadSafetensors),
            ("onnx", FuzzSeeds.Onnx(), ReadOnnx),
            ("state", FuzzSeeds.State(_stack), ReadState),
            .. more,
        ];
    }

    /// <summary>The readers by name.</summary>
    public IEnumerable<string> Readers => _readers.Select(r => r.Name);

    /// <summary>Reads <paramref name="inputs"/> damaged files, in turn for each reader.</summary>
    /// <param name="inputs">How many.</param>
    /// <param name="seed">Which.</param>
    /// <param name="first">The number of the first: an input's damage depends on the seed and its own number alone.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <returns>How many were read, how many of them were accepted, and the first failures of all (at most ten).</returns>
    public (long Read, long Accepted, IReadOnlyList<FuzzFailure> Failures) Run(long inputs, int seed, long first = 0, CancellationToken cancellation = default)
    {
        var failures = new List<FuzzFailure>();
        long accepted = 0, i = first;
        for (; i < first + inputs && failures.Count < 10 && !cancellation.IsCancellationRequested; i++)
        {
            (string name, byte[] valid, _) = _readers[i % _readers.Length];
            byte[] damaged = Damage(valid, new Random(unchecked(seed + (int)(i * 7919))));
            string? wrong = Try(name, damaged, out bool ok);
            accepted += ok ? 1 : 0;
            if (wrong is not null)
                failures.Add(new FuzzFailure(name, seed, i, wrong, damaged));
        }

        return (i - first, accepted, failures);
    }

    /// <summary>Reads bytes with a reader; null when it accepted them or refused them as it should.</summary>
    public string? Try(string reader, byte[] bytes, out bool accepted)
    {
        accepted = false;
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        try
        {
            _readers.Single(r => r.Name == reader).Read(bytes);
            accepted = true;
        }
        catch (Exception e) when (e is ModelFormatException or NotSupportedException)
        {
            if (e.Message.AsSpan().ContainsAny('\r', '\n'))
                return $"a message of several lines: {e.Message}";
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}";
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before, most = 4L * bytes.Length + MemoryBase;
        return seconds > 2 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:f1} s for {bytes.Length} bytes")
            : allocated > most ? string.Create(CultureInfo.InvariantCulture, $"{allocated} bytes allocated for {bytes.Length} bytes, more than {most}")
            : null;
    }

    public void Dispose() => _stack.Dispose();

    /// <summary>One to four damages: bits, bytes, cuts, insertions, repeats, numbers that readers stumble over.</summary>
    internal static byte[] Damage(byte[] valid, Random random)
    {
        var bytes = new List<byte>(valid);
        for (int n = random.Next(1, 5); n > 0 && bytes.Count > 0; n--)
        {
            int at = random.Next(bytes.Count), length = Math.Min(random.Next(1, 16), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                case 5: bytes.InsertRange(at, s_interesting[random.Next(s_interesting.Length)]); break;
                default:
                    byte[] value = s_interesting[random.Next(s_interesting.Length)];
                    for (int i = 0; i < value.Length && at + i < bytes.Count; i++)
                        bytes[at + i] = value[i];
                    break;
            }
        }

        return [.. bytes];
    }

    private static void ReadSafetensors(byte[] bytes)
    {
        using SafetensorsFile file = SafetensorsFile.Read(bytes);
        foreach (PyTorchModule module in PyTorchWeights.Find(file))
            module.ToLayers();
    }

    private static void ReadOnnx(byte[] bytes)
    {
        foreach (OnnxRecurrentNode node in OnnxModel.Read(bytes).RecurrentNodes)
            node.Layer?.ReadWeights();
    }

    private void ReadState(byte[] bytes)
    {
        using StackState state = _stack.CreateState(2);
        try
        {
            state.Restore(bytes);
        }
        catch (ArgumentException e)
        {
            throw new NotSupportedException(e.Message, e); // a whole state, of another stack or batch
        }
    }
}
