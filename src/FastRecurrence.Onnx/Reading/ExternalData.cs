using System.Globalization;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;
using Microsoft.Win32.SafeHandles;

namespace FastRecurrence.Onnx.Reading;

/// <summary>
/// Tensor data in files beside the model. Only relative paths are followed, and only to files that, after all links are
/// resolved, lie inside the model's folder.
/// </summary>
/// <param name="folder">The model's folder; null for a model that is read from memory.</param>
/// <param name="keep">Whether what is read is kept, so that the same bytes are never read and held twice.</param>
internal sealed class ExternalData(string? folder, bool keep = true)
{
    private readonly Dictionary<(string Path, ulong Offset, ulong Length), byte[]> _kept = [];
    private readonly Dictionary<string, ulong> _readOf = new(StringComparer.Ordinal);

    /// <summary>Bytes read so far, those of the same region once.</summary>
    public long BytesRead { get; private set; }

    public byte[] Read(string where, IEnumerable<StringStringEntryProto> entries, long bytes)
    {
        string? location = null;
        ulong offset = 0, length = (ulong)bytes;
        foreach (StringStringEntryProto entry in entries)
        {
            switch (entry.Key)
            {
                case "location": location = entry.Value; break;
                case "offset": offset = Number(where, entry); break;
                case "length": length = Number(where, entry); break;
            }
        }

        if (length != (ulong)bytes)
            throw new ModelFormatException(where, Text($"external data of {length} bytes, but its sizes hold {bytes}."));
        string path = Locate(where, location);
        if (_kept.TryGetValue((path, offset, length), out byte[]? known))
            return known;
        try
        {
            byte[] data = Read(where, path, location!, offset, length);
            if (keep)
                _kept.Add((path, offset, length), data);
            return data;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException(where, $"external data '{Short(location!)}' cannot be read: {e.Message}", e);
        }
    }

    private byte[] Read(string where, string path, string location, ulong offset, ulong length)
    {
        using SafeFileHandle file = RegularFile.Open(path);
        ulong size = (ulong)RandomAccess.GetLength(file);
        if (length > size || offset > size - length)
            throw new ModelFormatException(where, Text($"external data of {length} bytes at {offset}, but '{Short(location)}' has {size}."));
        if (keep)
        {
            // Regions that overlap in part could make any size of a small file.
            ulong before = _readOf.GetValueOrDefault(path);
            if (length > size - Math.Min(size, before))
            {
                throw new ModelFormatException(where, Text(
                    $"external data of {length} bytes beside {before}, but '{Short(location)}' has {size} in all: its regions overlap."));
            }

            _readOf[path] = before + length;
        }

        var data = new byte[length];
        RegularFile.Read(file, Short(location), (long)offset, data);
        BytesRead += data.Length;
        return data;
    }

    private string Locate(string where, string? location)
    {
        if (folder is null)
            throw new ModelFormatException(where, "its data lie in another file, but the model is read from memory: there is no folder to look in.");
        if (string.IsNullOrEmpty(location))
            throw new ModelFormatException(where, "external data without a location.");
        string[] parts = location.Split('/', '\\');
        bool absolute = location[0] is '/' or '\\' || Path.IsPathRooted(location) || (location.Length > 1 && location[1] == ':');
        if (absolute || parts.Contains("..") || location.Contains('\0', StringComparison.Ordinal))
            throw new ModelFormatException(where, $"external data at '{Short(location)}'; only paths inside the model's folder are followed.");
        string root = Real(Path.GetFullPath(folder)), path = Real(Path.GetFullPath(Path.Combine(folder, location)));
        if (!path.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new ModelFormatException(where, $"external data at '{Short(location)}' lead out of the model's folder through a link.");
        if (!Path.Exists(path))
            throw new ModelFormatException(where, $"external data '{Short(location)}' are missing beside the model.");
        return path;
    }

    /// <summary>A full path with the links of every part resolved.</summary>
    private static string Real(string path)
    {
        string real = Path.GetPathRoot(path)!;
        foreach (string part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, part);
            FileSystemInfo info = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            try
            {
                real = info.LinkTarget is null ? next : Path.GetFullPath(info.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
            }
            catch (IOException)
            {
                return next; // a circle of links: no file will be found there
            }
        }

        return real;
    }

    private static ulong Number(string where, StringStringEntryProto entry) =>
        ulong.TryParse(entry.Value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value
            : throw new ModelFormatException(where, $"external data with {entry.Key} '{Short(entry.Value)}', no whole number from 0 on.");

    private static string Short(string text) => text.Length <= 80 ? text : text[..77] + "…";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
