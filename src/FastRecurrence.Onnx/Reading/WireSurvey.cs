namespace FastRecurrence.Onnx.Reading;

/// <summary>
/// Adds up what a protobuf file would take as objects, before any is made: a message of two bytes becomes an object of a hundred and
/// more, so a small file could take any amount of memory. Damage is left to the parser, which stops at the same place.
/// </summary>
/// <param name="file">What errors call it.</param>
/// <param name="size">Its bytes.</param>
internal sealed class WireSurvey(string file, long size)
{
    private const long Free = 14 << 20;
    private const int MaxDepth = 100, FirstCoreMlType = 200, LastCoreMlType = 3000;

    /// <summary>How a field is kept.</summary>
    private enum Kind
    {
        Skipped,
        Text,
        Bytes,
        Varints,
        Fixed,
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        Value,
        Type,
        TensorType,
        Shape,
        Dimension,
        Sparse,
        Function,
        Small,
    }

    private long _taken;
    private bool _hasTypeOfCoreMl;

    /// <summary>Whether the outermost message has the field of a Core ML model's kind, which ONNX has not.</summary>
    public bool LooksLikeCoreMl => _hasTypeOfCoreMl;

    /// <exception cref="ModelFormatException">The file would take far more memory than it has bytes.</exception>
    public void Model(ReadOnlySpan<byte> bytes) => Message(Kind.Model, bytes, 0);

    /// <exception cref="ModelFormatException">The file would take far more memory than it has bytes.</exception>
    public void Tensor(ReadOnlySpan<byte> bytes) => Message(Kind.Tensor, bytes, 0);

    private static Kind Field(Kind message, int number) => (message, number) switch
    {
        (Kind.Model, 2 or 3) => Kind.Text,
        (Kind.Model, 7) => Kind.Graph,
        (Kind.Model, 8) => Kind.Small,
        (Kind.Model, 25) => Kind.Function,
        (Kind.Graph, 1) or (Kind.Function, 7) => Kind.Node,
        (Kind.Graph, 2) => Kind.Text,
        (Kind.Graph, 5) => Kind.Tensor,
        (Kind.Graph, 11 or 12) => Kind.Value,
        (Kind.Graph, 15) => Kind.Sparse,
        (Kind.Sparse, 1) => Kind.Tensor,
        (Kind.Value, 1) or (Kind.Dimension, 2) => Kind.Text,
        (Kind.Value, 2) => Kind.Type,
        (Kind.Type, 1) => Kind.TensorType,
        (Kind.TensorType, 2) => Kind.Shape,
        (Kind.Shape, 1) => Kind.Dimension,
        (Kind.Node, 1 or 2 or 3 or 4 or 7 or 8) => Kind.Text,
        (Kind.Node, 5) or (Kind.Function, 11) => Kind.Attribute,
        (Kind.Attribute, 1 or 21) => Kind.Text,
        (Kind.Attribute, 4 or 9) => Kind.Bytes,
        (Kind.Attribute, 5) => Kind.Tensor,
        (Kind.Attribute, 6 or 11) => Kind.Graph,
        (Kind.Attribute, 7) or (Kind.Tensor, 4 or 10) => Kind.Fixed,
        (Kind.Attribute, 8) or (Kind.Tensor, 1 or 5 or 7 or 11) => Kind.Varints,
        (Kind.Tensor, 6 or 9) => Kind.Bytes,
        (Kind.Tensor, 8) => Kind.Text,
        (Kind.Tensor, 13) or (Kind.Function, 9) => Kind.Small,
        (Kind.Function, 1 or 4 or 5 or 6 or 10 or 13) => Kind.Text,
        (Kind.Small, _) => Kind.Text,
        _ => Kind.Skipped,
    };

    // Roughly what the objects take with the lists that they hold, and what is made from them later (names, shapes).
    private static int ObjectBytes(Kind kind) => kind switch
    {
        Kind.Node => 320,
        Kind.Attribute => 260,
        Kind.Tensor => 420,
        Kind.Graph or Kind.Function => 900,
        Kind.Value => 160,
        Kind.Type or Kind.TensorType or Kind.Shape or Kind.Dimension or Kind.Sparse or Kind.Small => 80,
        _ => 0,
    };

    private void Message(Kind kind, ReadOnlySpan<byte> bytes, int depth)
    {
        Take(ObjectBytes(kind));
        while (!bytes.IsEmpty && depth <= MaxDepth)
        {
            if (!Varint(ref bytes, out ulong tag))
                return;
            int number = (int)Math.Min(tag >> 3, int.MaxValue);
            _hasTypeOfCoreMl |= depth == 0 && kind == Kind.Model && number is >= FirstCoreMlType and <= LastCoreMlType;
            Kind field = Field(kind, number);
            switch (tag & 7)
            {
                case 0 when Varint(ref bytes, out _):
                    Take(field == Kind.Varints ? 24 : 0);
                    break;
                case 1 when bytes.Length >= 8:
                    bytes = bytes[8..];
                    Take(field == Kind.Fixed ? 24 : 0);
                    break;
                case 5 when bytes.Length >= 4:
                    bytes = bytes[4..];
                    Take(field == Kind.Fixed ? 12 : 0);
                    break;
                case 2 when Varint(ref bytes, out ulong length) && length <= (ulong)bytes.Length:
                    Content(field, bytes[..(int)length], depth + 1);
                    bytes = bytes[(int)length..];
                    break;
                case 3 or 4:
                    throw new ModelFormatException(file, "no valid protobuf message: it has groups, which ONNX has not.");
                default:
                    return;
            }
        }
    }

    private void Content(Kind field, ReadOnlySpan<byte> bytes, int depth)
    {
        switch (field)
        {
            case Kind.Skipped: break;
            case Kind.Text: Take(100 + 2L * bytes.Length); break;
            case Kind.Bytes: Take(80 + bytes.Length); break;
            case Kind.Fixed: Take(24 + 2L * bytes.Length); break;
            case Kind.Varints:
                // Each number ends with the one byte that has no continuation bit.
                int count = 0;
                foreach (byte b in bytes)
                    count += b >> 7 ^ 1;
                Take(24 + 24L * count);
                break;
            default: Message(field, bytes, depth); break;
        }
    }

    private static bool Varint(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int i = 0; i < 10 && i < bytes.Length; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    private void Take(long bytes)
    {
        _taken += bytes;
        if (_taken > 3 * size + Free)
        {
            throw new ModelFormatException(file, FormattableString.Invariant(
                $"its messages would take more than {3 * size + Free} bytes of memory, far more than a file of {size} bytes should need."));
        }
    }
}
