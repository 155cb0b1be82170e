using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Import;

/// <summary>Where a file's bytes come from: an open file, or memory. Any number of threads may read at once.</summary>
internal abstract class TensorBytes : IDisposable
{
    public abstract long Length { get; }

    /// <summary>The bytes of an open file, which is closed with them.</summary>
    public static TensorBytes Of(SafeFileHandle file, string name) => new OpenFile(file, name);

    /// <summary>Bytes in memory; not copied.</summary>
    public static TensorBytes Of(ReadOnlyMemory<byte> memory) => new Memory(memory);

    /// <summary>Fills <paramref name="to"/> from a position on.</summary>
    /// <exception cref="IOException">The file became shorter, or it cannot be read.</exception>
    public abstract void Read(long offset, Span<byte> to);

    public abstract void Dispose();

    private sealed class OpenFile(SafeFileHandle file, string name) : TensorBytes
    {
        public override long Length { get; } = RandomAccess.GetLength(file);

        public override void Read(long offset, Span<byte> to) => RegularFile.Read(file, name, offset, to);

        public override void Dispose() => file.Dispose();
    }

    private sealed class Memory(ReadOnlyMemory<byte> memory) : TensorBytes
    {
        public override long Length => memory.Length;

        public override void Read(long offset, Span<byte> to) => memory.Span.Slice(checked((int)offset), to.Length).CopyTo(to);

        public override void Dispose()
        {
        }
    }
}
