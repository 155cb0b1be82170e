using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Import;

/// <summary>
/// Opens files that readers are given. Opening a FIFO waits until somebody writes to it, perhaps for ever, and a device has no end;
/// so a file is opened without waiting, and refused unless it has a length.
/// </summary>
internal static partial class RegularFile
{
    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It is missing, a folder, a pipe, a socket or a terminal, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not read it.</exception>
    public static SafeFileHandle Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder; a file was expected.");

        // Where the first way fails the second one fails too, and says why.
        SafeFileHandle handle = OpenWithoutWaiting(path) ?? File.OpenHandle(path);
        try
        {
            RandomAccess.GetLength(handle);
            return handle;
        }
        catch (NotSupportedException e)
        {
            handle.Dispose();
            throw new IOException($"'{path}' is a pipe, a socket or a device, not a regular file.", e);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The whole file. A device has the length 0, and nothing is read from it.</summary>
    /// <param name="handle">The open file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="length">Its length, at most that of an array.</param>
    /// <exception cref="IOException">It became shorter, or it cannot be read.</exception>
    public static byte[] ReadAll(SafeFileHandle handle, string name, long length)
    {
        var bytes = new byte[length];
        Read(handle, name, 0, bytes);
        return bytes;
    }

    /// <summary>Fills <paramref name="to"/> from a position on. The file is never mapped: a mapped file that shrinks ends the process.</summary>
    /// <exception cref="IOException">The file became shorter, or it cannot be read.</exception>
    public static void Read(SafeFileHandle handle, string name, long offset, Span<byte> to)
    {
        while (!to.IsEmpty)
        {
            int count = RandomAccess.Read(handle, to, offset);
            if (count == 0)
            {
                throw new EndOfStreamException(FormattableString.Invariant(
                    $"{name} became shorter while it was open: it ends at byte {offset}, and {to.Length} more were expected."));
            }


            offset += count;
            to = to[count..];
        }
    }

    /// <summary>A stream's bytes from its position to its end.</summary>
    /// <exception cref="ModelFormatException">There are more than <paramref name="most"/>.</exception>
    public static byte[] ReadToEnd(Stream stream, string name, long most)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanRead)
            throw new ArgumentException("the stream cannot be read.", nameof(stream));
        long known = stream.CanSeek ? Math.Max(0, stream.Length - stream.Position) : 0;
        if (known > most)
            throw TooLong(name, most);
        using var memory = new MemoryStream((int)known);
        var part = new byte[1 << 16];
        for (int count; (count = stream.Read(part)) != 0;)
        {
            if (memory.Length + count > most)
                throw TooLong(name, most);
            memory.Write(part, 0, count);
        }

        return memory.Length == memory.Capacity ? memory.GetBuffer() : memory.ToArray();
    }

    private static ModelFormatException TooLong(string name, long most) =>
        new(name, FormattableString.Invariant($"it has more than {most} bytes, the most that is read from a stream. Open a file of this size by its path."));

    private static SafeFileHandle? OpenWithoutWaiting(string path)
    {
        // O_RDONLY | O_NONBLOCK | O_CLOEXEC; the numbers are the systems' own.
        int flags = OperatingSystem.IsLinux() ? 0x800 | 0x80000 : OperatingSystem.IsMacOS() ? 0x4 | 0x1000000 : 0;
        if (flags == 0)
            return null;
        int descriptor = OpenFile(path, flags);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);
}
