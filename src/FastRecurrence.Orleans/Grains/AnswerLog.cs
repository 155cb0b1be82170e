using System.Buffers.Binary;

namespace FastRecurrence.Orleans.Grains;

/// <summary>Outputs of the last frames, for callers that ask again because an answer got lost.</summary>
/// <param name="width">H, values of a frame's output.</param>
/// <param name="most">Frames that are kept for a caller that never says what it has received.</param>
internal sealed class AnswerLog(int width, int most)
{
    private float[] _values = [];
    private int _start, _frames;

    /// <summary>The first frame whose output is kept.</summary>
    public long From { get; private set; }

    /// <summary>The frame after the last one.</summary>
    public long End => From + _frames;

    /// <summary>Begins anew, with the outputs of a checkpoint.</summary>
    public void Restart(long from, ReadOnlySpan<byte> answers)
    {
        (_values, _start, _frames, From) = (new float[answers.Length / sizeof(float)], 0, answers.Length / sizeof(float) / width, from);
        for (int i = 0; i < _values.Length; i++)
            _values[i] = BinaryPrimitives.ReadSingleLittleEndian(answers[(i * sizeof(float))..]);
    }

    /// <summary>Appends the output of the next frame.</summary>
    public void Add(ReadOnlySpan<float> output)
    {
        if (_frames == most)
            DropBefore(From + 1);
        if ((_start + _frames + 1) * width > _values.Length)
        {
            float[] memory = (_frames + 1) * width * 2 <= _values.Length ? _values : new float[Math.Max(8, 2 * (_frames + 1)) * width];
            _values.AsSpan(_start * width, _frames * width).CopyTo(memory);
            (_values, _start) = (memory, 0);
        }

        output.CopyTo(_values.AsSpan((_start + _frames) * width, width));
        _frames++;
    }

    /// <summary>Forgets outputs that the caller has.</summary>
    public void DropBefore(long frame)
    {
        int dropped = (int)Math.Clamp(frame - From, 0, _frames);
        (_start, _frames, From) = (_start + dropped, _frames - dropped, From + dropped);
    }

    /// <summary>The outputs of some frames; false when they are not all kept.</summary>
    public bool TryCopy(long first, int count, Span<float> outputs)
    {
        if (first < From || first + count > End)
            return false;
        _values.AsSpan((_start + (int)(first - From)) * width, count * width).CopyTo(outputs);
        return true;
    }

    /// <summary>All outputs that are kept, for a checkpoint.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[_frames * width * sizeof(float)];
        for (int i = 0; i < _frames * width; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), _values[_start * width + i]);
        return bytes;
    }
}
