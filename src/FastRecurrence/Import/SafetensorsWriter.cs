using System.Buffers.Binary;
using System.Text.Json;

namespace FastRecurrence.Import;

/// <summary>Writes tensors as a safetensors file: F32, in the order of the source, the data aligned to 8 bytes.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes a file: first beside it under another name, then renamed, so that no half file is left.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="tensors">What to write, such as <see cref="PyTorchWeights"/> exports.</param>
    /// <param name="metadata">Written as <c>__metadata__</c>; null for none.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, TensorSource tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            using (FileStream stream = File.Create(partial))
                Write(stream, tensors, metadata);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Writes a file's bytes to a stream, which stays open.</summary>
    /// <exception cref="ModelFormatException">A tensor of the source is no weight.</exception>
    public static void Write(Stream stream, TensorSource tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        byte[] header = Header(tensors, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (TensorInfo info in tensors.Tensors)
        {
            float[] values = tensors.ReadFloats(info.Name);
            var bytes = new byte[values.Length * 4L];
            for (int i = 0; i < values.Length; i++)
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * 4), values[i]);
            stream.Write(bytes);
        }
    }

    private static byte[] Header(TensorSource tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            if (metadata is not null)
            {
                writer.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata)
                    writer.WriteString(key, value);
                writer.WriteEndObject();
            }

            long at = 0;
            foreach (TensorInfo info in tensors.Tensors)
            {
                writer.WriteStartObject(info.Name);
                writer.WriteString("dtype", "F32");
                writer.WriteStartArray("shape");
                foreach (int dimension in info.Shape)
                    writer.WriteNumberValue(dimension);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(at);
                writer.WriteNumberValue(at += 4 * info.ElementCount);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        while (json.Length % 8 != 0)
            json.WriteByte((byte)' ');
        return json.ToArray();
    }
}
