using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Import;

/// <summary>
/// A safetensors file: its header is checked whole when it is opened, its numbers are read from the file when they are first used.
/// Strict: no hole, no overlap, no byte that belongs to no tensor. A model of several files: <see cref="ShardedSafetensors"/>.
/// Any number of threads may read at once.
/// </summary>
public sealed class SafetensorsFile : TensorSource, IDisposable
{
    private const int PartBytes = 1 << 18;

    private readonly SafetensorsHeader _header;
    private readonly TensorBytes _bytes;
    private bool _disposed;

    private SafetensorsFile(string name, TensorBytes bytes)
    {
        (Name, _bytes) = (name, bytes);
        _header = SafetensorsHeader.Read(name, bytes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _header.Tensors;

    /// <summary>The file's own <c>__metadata__</c>; empty without.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>
    /// Opens and checks a file. Its tensors are read on demand, so keep it until then, and dispose it. The file is not locked: one
    /// that another process cuts meanwhile is an <see cref="IOException"/> of the read that misses its bytes.
    /// </summary>
    /// <param name="path">A regular file.</param>
    /// <exception cref="ModelFormatException">It is damaged; the message says where. Nothing is allocated for what its header claims.</exception>
    /// <exception cref="IOException">It is missing, a folder, a pipe or a device, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not read it.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle file = RegularFile.Open(path);
        try
        {
            string name = Path.GetFileName(path);
            return new SafetensorsFile(name, TensorBytes.Of(file, name));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Checks a file that is in memory; errors call it <c>safetensors</c>.</summary>
    /// <param name="bytes">The whole file; not copied.</param>
    /// <exception cref="ModelFormatException">It is damaged; the message says where.</exception>
    public static SafetensorsFile Read(byte[] bytes) => Read(bytes, "safetensors");

    /// <summary>Checks a file that is in memory.</summary>
    /// <param name="bytes">The whole file; not copied.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelFormatException">It is damaged; the message says where.</exception>
    public static SafetensorsFile Read(byte[] bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return Read(bytes.AsMemory(), name);
    }

    /// <summary>Checks a file that is in memory.</summary>
    /// <param name="bytes">The whole file; not copied, and not to be changed as long as tensors are read.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelFormatException">It is damaged; the message says where.</exception>
    public static SafetensorsFile Read(ReadOnlyMemory<byte> bytes, string name) => new(name, TensorBytes.Of(bytes));

    /// <summary>Reads a stream from its position to its end, into memory, and checks it as a file. The stream stays open.</summary>
    /// <param name="stream">Any readable stream of at most 2 GiB.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelFormatException">It is damaged, or longer than an array; the message says where.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static SafetensorsFile Read(Stream stream, string name) => Read(RegularFile.ReadToEnd(stream, name, Array.MaxLength), name);

    /// <inheritdoc/>
    public override TensorInfo? Find(string name) => _header.Find(name);

    /// <summary>A tensor's integers (I64, I32, I16, I8, U8, U16, U32).</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or it holds no integers.</exception>
    /// <exception cref="IOException">The file cannot be read, or it became shorter.</exception>
    public long[] ReadIntegers(string name)
    {
        TensorInfo info = this[name];
        return info.DataType switch
        {
            "I64" => Convert<long>(info, 8, static b => BinaryPrimitives.ReadInt64LittleEndian(b)),
            "I32" => Convert<long>(info, 4, static b => BinaryPrimitives.ReadInt32LittleEndian(b)),
            "U32" => Convert<long>(info, 4, static b => BinaryPrimitives.ReadUInt32LittleEndian(b)),
            "I16" => Convert<long>(info, 2, static b => BinaryPrimitives.ReadInt16LittleEndian(b)),
            "U16" => Convert<long>(info, 2, static b => BinaryPrimitives.ReadUInt16LittleEndian(b)),
            "I8" => Convert<long>(info, 1, static b => (sbyte)b[0]),
            "U8" => Convert<long>(info, 1, static b => b[0]),
            _ => throw new ModelFormatException($"{Name}, tensor '{name}'", $"its type is {info.DataType}, no integer."),
        };
    }

    /// <summary>Closes the file. Tensors cannot be read afterwards.</summary>
    public void Dispose()
    {
        _disposed = true;
        _bytes.Dispose();
    }

    private protected override float[] ReadFloatsCore(TensorInfo info) => info.DataType switch
    {
        "F32" => Convert(info, 4, static b => BinaryPrimitives.ReadSingleLittleEndian(b)),
        "F64" => Convert(info, 8, static b => (float)BinaryPrimitives.ReadDoubleLittleEndian(b)),
        "F16" => Convert(info, 2, static b => (float)BinaryPrimitives.ReadHalfLittleEndian(b)),
        _ => Convert(info, 2, static b => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(b) << 16)), // the upper half
    };

    private protected override double[] ReadDoublesCore(TensorInfo info) => info.DataType == "F64"
        ? Convert(info, 8, static b => BinaryPrimitives.ReadDoubleLittleEndian(b))
        : Array.ConvertAll(ReadFloatsCore(info), v => (double)v);

    private delegate T Element<T>(ReadOnlySpan<byte> bytes);

    private T[] Convert<T>(TensorInfo info, int size, Element<T> element)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var values = new T[info.ElementCount];
        long at = _header.DataStart + info.Begin;
        if (BitConverter.IsLittleEndian && info.DataType is "F32" or "F64" && size == Marshal.SizeOf<T>())
        {
            for (int i = 0; i < values.Length; i += PartBytes)
            {
                Span<T> part = values.AsSpan(i, Math.Min(PartBytes, values.Length - i));
                _bytes.Read(at + (long)i * size, MemoryMarshal.AsBytes(part));
            }

            return values;
        }

        byte[] room = ArrayPool<byte>.Shared.Rent(PartBytes);
        try
        {
            int most = PartBytes / size;
            for (int i = 0; i < values.Length; i += most)
            {
                int count = Math.Min(most, values.Length - i);
                _bytes.Read(at + (long)i * size, room.AsSpan(0, count * size));
                for (int k = 0; k < count; k++)
                    values[i + k] = element(room.AsSpan(k * size, size));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room);
        }

        return values;
    }
}
