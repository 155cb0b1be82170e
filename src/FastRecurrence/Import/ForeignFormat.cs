namespace FastRecurrence.Import;

/// <summary>What people mistake for a model that is read here, told by its first bytes, with what to do instead.</summary>
internal static class ForeignFormat
{
    private const string Export = "; export the model to ONNX, or save its weights as safetensors";

    /// <summary>How many bytes of a file's beginning are looked at.</summary>
    public const int StartBytes = 512;

    /// <summary>Such as <c>it is a TensorFlow Lite model (.tflite); …</c>; null when nothing is recognised.</summary>
    public static string? Name(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
            return "it is empty, or a device without a length";
        return AtStart(start) ?? Inside(start) ?? Text(start);
    }

    private static string? AtStart(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8))
            return "it is a git-lfs pointer, not the model: fetch it with 'git lfs pull'";
        if (start.StartsWith("PK"u8))
        {
            return "it is a zip archive (a PyTorch .pt, a .keras or an .npz?); pickles are never opened. "
                + "Save the weights as safetensors or export the model to ONNX";
        }


        if (start.Length > 3 && start[1..4].SequenceEqual("HDF"u8))
            return "it is an HDF5 file (Keras .h5); export the model to ONNX or save its arrays as safetensors";
        if (start.Length > 1 && start[0] == 0x80 && start[1] < 6)
            return "it is a Python pickle, which is never opened. Save the weights as safetensors";
        if (start.StartsWith("GGUF"u8) || start.StartsWith("lmgg"u8) || start.StartsWith("tjgg"u8) || start.StartsWith("fmgg"u8))
            return "it is a GGUF or GGML file (llama.cpp)" + Export;
        if (start.Length > 5 && start[0] == 0x93 && start[1..6].SequenceEqual("NUMPY"u8))
            return "it is a NumPy array (.npy); save the arrays under their names as safetensors";
        if (start.StartsWith("RKNN"u8))
            return "it is a Rockchip model (.rknn)" + Export;
        if (start.StartsWith("ptrt"u8) || start.StartsWith("ftrt"u8))
            return "it is a TensorRT engine" + Export;
        if (start.Length > 1 && start[0] == 0x1F && start[1] == 0x8B)
            return "it is compressed with gzip: unpack it first";
        if (start.Length > 5 && start[0] == 0xFD && start[1..6].SequenceEqual("7zXZ\0"u8))
            return "it is compressed with xz: unpack it first";
        if (start.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]))
            return "it is compressed with zstd: unpack it first";
        return null;
    }

    // Marks that do not stand at the first byte: FlatBuffers have theirs at byte 4, tar archives at byte 257.
    private static string? Inside(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> mark = start.Length >= 8 ? start[4..8] : default;
        if (mark.SequenceEqual("TFL3"u8))
            return "it is a TensorFlow Lite model (.tflite)" + Export;
        if (mark.SequenceEqual("ORTM"u8))
            return "it is a model in ONNX Runtime's own format (.ort); use the .onnx file that it was made from";
        if (mark.SequenceEqual("PTMF"u8))
            return "it is a PyTorch Mobile model (.ptl)" + Export;
        if (mark.StartsWith("ET"u8) && mark[2..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0)
            return "it is an ExecuTorch program (.pte)" + Export;
        if (start.Length >= 262 && start[257..262].SequenceEqual("ustar"u8))
            return "it is a tar archive: unpack it first";
        return null;
    }

    private static string? Text(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> text = start.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? start[3..] : start;
        text = text.TrimStart(" \t\r\n"u8);
        if (StartsWithIgnoringCase(text, "<html"u8) || StartsWithIgnoringCase(text, "<!doctype"u8))
            return "it is a web page, not the model: the download went wrong";
        if (text.StartsWith("<?xml"u8))
            return "it is XML (an OpenVINO model?)" + Export;
        if (text.StartsWith("{"u8))
            return "it is JSON text";

        // The formats that are read begin with binary numbers; plain text of some length never does.
        ReadOnlySpan<byte> first = start[..Math.Min(start.Length, 16)];
        return first.Length >= 8 && first.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0 ? "it is text" : null;
    }

    private static bool StartsWithIgnoringCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && System.Text.Ascii.EqualsIgnoreCase(text[..start.Length], start);
}
