using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace FastRecurrence.Import;

/// <summary>
/// A safetensors file: its header checked whole when it is opened, its numbers read from the mapped file when asked for.
/// Strict: no hole, no overlap, no byte that belongs to no tensor.
/// </summary>
public sealed unsafe class SafetensorsFile : TensorSource, IDisposable
{
    private readonly SafetensorsHeader _header;
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte[]? _bytes;
    private readonly Dictionary<string, TensorInfo> _byName = [];
    private bool _disposed;

    private SafetensorsFile(string name, SafetensorsHeader header, byte[]? bytes, MemoryMappedFile? map, MemoryMappedViewAccessor? view)
    {
        (Name, _header, _bytes, _map, _view) = (name, header, bytes, map, view);
        foreach (TensorInfo info in header.Tensors)
            _byName.Add(info.Name, info);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _header.Tensors;

    /// <summary>The file's own <c>__metadata__</c>; empty without.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens and checks a file. Its tensors are read on demand, so keep it until then, and dispose it.</summary>
    /// <exception cref="ModelFormatException">It is damaged; the message says where. Nothing is allocated for what its header claims.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string name = Path.GetFileName(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        if (stream.Length < 8)
            throw SafetensorsHeader.TooShort(name, stream.Length);
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor? view = null;
        try
        {
            view = map.CreateViewAccessor(0, stream.Length, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            try
            {
                long size = stream.Length;
                pointer += view.PointerOffset;
                int headerBytes = SafetensorsHeader.Length(name, new ReadOnlySpan<byte>(pointer, 8), size);
                return new SafetensorsFile(name, SafetensorsHeader.Parse(name, new ReadOnlySpan<byte>(pointer + 8, headerBytes), size), null, map, view);
            }
            finally
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            }
        }
        catch
        {
            view?.Dispose();
            map.Dispose();
            throw;
        }
    }

    /// <summary>Checks a file that is in memory.</summary>
    /// <param name="bytes">The whole file; not copied.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelFormatException">It is damaged; the message says where.</exception>
    public static SafetensorsFile Read(byte[] bytes, string name = "safetensors")
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.Length < 8)
            throw SafetensorsHeader.TooShort(name, bytes.Length);
        int headerBytes = SafetensorsHeader.Length(name, bytes, bytes.Length);
        return new SafetensorsFile(name, SafetensorsHeader.Parse(name, bytes.AsSpan(8, headerBytes), bytes.Length), bytes, null, null);
    }

    /// <inheritdoc/>
    public override TensorInfo? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A tensor's integers (I64, I32, I16, I8, U8, U16, U32).</summary>
    /// <exception cref="ModelFormatException">There is no such tensor, or it holds no integers.</exception>
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

    /// <summary>Closes the mapped file. Tensors cannot be read afterwards.</summary>
    public void Dispose()
    {
        _disposed = true;
        _view?.Dispose();
        _map?.Dispose();
    }

    private protected override float[] ReadFloatsCore(TensorInfo info) => info.DataType switch
    {
        "F32" => Convert(info, 4, static b => BinaryPrimitives.ReadSingleLittleEndian(b)),
        "F64" => Convert(info, 8, static b => (float)BinaryPrimitives.ReadDoubleLittleEndian(b)),
        "F16" => Convert(info, 2, static b => (float)BinaryPrimitives.ReadHalfLittleEndian(b)),
        _ => Convert(info, 2, static b => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(b) << 16)), // BF16: the upper half of a float
    };

    private protected override double[] ReadDoublesCore(TensorInfo info) => info.DataType == "F64"
        ? Convert(info, 8, static b => BinaryPrimitives.ReadDoubleLittleEndian(b))
        : Array.ConvertAll(ReadFloatsCore(info), v => (double)v);

    private delegate T Element<T>(ReadOnlySpan<byte> bytes);

    // Elements are read one at a time: a tensor may begin at any byte.
    private T[] Convert<T>(TensorInfo info, int size, Element<T> element)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var values = new T[info.ElementCount];
        if (_bytes is not null)
        {
            ReadOnlySpan<byte> from = _bytes.AsSpan((int)(_header.DataStart + info.Begin), (int)(info.End - info.Begin));
            for (int i = 0; i < values.Length; i++)
                values[i] = element(from.Slice(i * size, size));
            return values;
        }

        byte* pointer = null;
        _view!.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        try
        {
            pointer += _view.PointerOffset + _header.DataStart + info.Begin;
            for (int i = 0; i < values.Length; i++)
                values[i] = element(new ReadOnlySpan<byte>(pointer + (nint)i * size, size));
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        return values;
    }
}
