using System.Globalization;
using FastRecurrence.Onnx.Proto;
using Google.Protobuf;

namespace FastRecurrence.Onnx.Reading;

/// <summary>Bytes to messages, with a sentence for what people mistake for an ONNX file.</summary>
internal static class WireReader
{
    public static ModelProto Model(string file, ReadOnlySpan<byte> bytes)
    {
        Recognise(file, bytes);
        return Parse(file, bytes, ModelProto.Parser);
    }

    /// <summary>A TensorProto file, as test data come.</summary>
    public static OnnxTensor Tensor(string file, ReadOnlySpan<byte> bytes) => TensorReader.Read(file, Parse(file, bytes, TensorProto.Parser), new ExternalData(null));

    private static T Parse<T>(string file, ReadOnlySpan<byte> bytes, MessageParser<T> parser)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException(file, $"no valid protobuf message: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static void Recognise(string file, ReadOnlySpan<byte> bytes)
    {
        string? what = bytes.IsEmpty ? "it is empty"
            : bytes.StartsWith("version https://git-lfs"u8) ? "it is a git-lfs pointer, not the model: fetch it with 'git lfs pull'"
            : bytes.StartsWith("<html"u8) || bytes.StartsWith("<!DOCTYPE"u8) || bytes.StartsWith("<!doctype"u8) || bytes.StartsWith("<HTML"u8) ? "it is a web page, not the model: the download went wrong"
            : bytes.StartsWith("PK"u8) ? "it is a zip archive (a PyTorch .pt, a .keras or an .npz?); pickles are never opened. Save the weights as safetensors or export the model to ONNX"
            : bytes.StartsWith("\x89HDF"u8) || bytes.Length > 3 && bytes[1] == 'H' && bytes[2] == 'D' && bytes[3] == 'F' ? "it is an HDF5 file (Keras .h5); export the model to ONNX or save its arrays as safetensors"
            : bytes[0] == 0x80 && bytes.Length > 1 && bytes[1] < 6 ? "it is a Python pickle, which is never opened. Save the weights as safetensors"
            : bytes[0] == (byte)'{' ? "it is JSON text"
            : IsText(bytes) ? "it is text"
            : null;
        if (what is not null)
            throw new ModelFormatException(file, string.Create(CultureInfo.InvariantCulture, $"no ONNX file: {what} ({bytes.Length} bytes)."));
    }

    // An ONNX file begins with a field key and a small number; plain text of some length never does.
    private static bool IsText(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> start = bytes[..Math.Min(bytes.Length, 16)];
        return start.Length >= 8 && start.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
    }
}
