using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;
using Google.Protobuf;

namespace FastRecurrence.Onnx.Reading;

/// <summary>Bytes to messages, with a sentence for what people mistake for an ONNX file.</summary>
internal static class WireReader
{
    public static ModelProto Model(string file, ReadOnlySpan<byte> bytes)
    {
        Recognise(file, bytes);
        var survey = new WireSurvey(file, bytes.Length);
        survey.Model(bytes);
        ModelProto model = Parse(file, bytes, ModelProto.Parser);
        if (model.Graph is null && survey.LooksLikeCoreMl)
        {
            throw new ModelFormatException(file, FormattableString.Invariant(
                $"no ONNX file: it is a Core ML model (.mlmodel); export the model to ONNX ({bytes.Length} bytes)."));
        }

        return model;
    }

    /// <summary>A TensorProto file, as test data come.</summary>
    public static OnnxTensor Tensor(string file, ReadOnlySpan<byte> bytes)
    {
        new WireSurvey(file, bytes.Length).Tensor(bytes);
        return TensorReader.Read(file, Parse(file, bytes, TensorProto.Parser), new ExternalData(null));
    }

    private static T Parse<T>(string file, ReadOnlySpan<byte> bytes, MessageParser<T> parser)
        where T : IMessage<T>
    {
        try
        {
            // Fields that are not in our part of the format (doc strings, shapes between nodes) are not kept.
            return parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelFormatException(file, $"no valid protobuf message: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static void Recognise(string file, ReadOnlySpan<byte> bytes)
    {
        string? what = ForeignFormat.Name(bytes[..Math.Min(bytes.Length, ForeignFormat.StartBytes)]);
        if (what is null && bytes.Length > 9 && bytes[8] == (byte)'{' && BitConverter.ToUInt64(bytes) <= (ulong)bytes.Length)
            what = "it is a safetensors file: open it with SafetensorsFile";
        if (what is not null)
            throw new ModelFormatException(file, FormattableString.Invariant($"no ONNX file: {what} ({bytes.Length} bytes)."));
    }
}
