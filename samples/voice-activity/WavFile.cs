using System.Buffers.Binary;

namespace VoiceActivity;

/// <summary>Mono 16-bit PCM at 16 kHz, the one kind the model hears.</summary>
internal static class WavFile
{
    public const int SampleRate = 16000;

    /// <summary>The samples in −1 … 1.</summary>
    /// <exception cref="InvalidDataException">It is no WAV file, or one of another kind; the message says what it is and what is wanted.</exception>
    public static float[] Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length < 12 || !bytes.AsSpan(0, 4).SequenceEqual("RIFF"u8) || !bytes.AsSpan(8, 4).SequenceEqual("WAVE"u8))
            throw new InvalidDataException($"{path}: no WAV file ({bytes.Length} bytes that do not begin with RIFF … WAVE).");
        bool known = false;
        for (long at = 12; at + 8 <= bytes.Length;)
        {
            ReadOnlySpan<byte> id = bytes.AsSpan((int)at, 4);
            long size = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at + 4));
            at += 8;
            if (id.SequenceEqual("fmt "u8) && size >= 16 && at + 16 <= bytes.Length)
            {
                RequireFormat(path, bytes.AsSpan((int)at, 16));
                known = true;
            }
            else if (id.SequenceEqual("data"u8))
            {
                if (!known)
                    throw new InvalidDataException($"{path}: data before the format.");
                // A recorder that was cut off leaves a wrong size: what is there is read.
                return Samples(bytes.AsSpan((int)at, (int)Math.Min(size, bytes.Length - at)));
            }

            at += size + (size & 1);
        }

        throw new InvalidDataException($"{path}: no data in the WAV file.");
    }

    private static void RequireFormat(string path, ReadOnlySpan<byte> format)
    {
        int tag = BinaryPrimitives.ReadUInt16LittleEndian(format), channels = BinaryPrimitives.ReadUInt16LittleEndian(format[2..]), bits = BinaryPrimitives.ReadUInt16LittleEndian(format[14..]);
        uint rate = BinaryPrimitives.ReadUInt32LittleEndian(format[4..]);
        if (tag != 1 || channels != 1 || rate != SampleRate || bits != 16)
            throw new InvalidDataException($"{path}: {rate} Hz, {channels} channels, {bits} bits, {(tag == 1 ? "PCM" : tag == 3 ? "float" : $"format {tag}")}; the model hears {SampleRate} Hz, 1 channel, 16 bits, PCM. Convert it first.");
    }

    private static float[] Samples(ReadOnlySpan<byte> data)
    {
        var samples = new float[data.Length / 2];
        for (int i = 0; i < samples.Length; i++)
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(data[(2 * i)..]) / 32768f;
        return samples;
    }
}
