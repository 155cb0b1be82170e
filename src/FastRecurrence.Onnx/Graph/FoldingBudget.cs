using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// A limit on what folding makes: repeated Concat nodes could make any size from a small file, and repeated calls any number of results.
/// </summary>
internal sealed class FoldingBudget(long fileBytes, ExternalData external)
{
    private const int ResultBytes = 400;

    private long _made;

    /// <summary>Counts one more result, however small.</summary>
    /// <exception cref="ArgumentException">The file makes more than it can reasonably hold.</exception>
    public void TakeResult() => Take(ResultBytes);

    /// <exception cref="ArgumentException">The file makes more than it can reasonably hold.</exception>
    public void Take(long bytes)
    {
        long limit = 4 * (fileBytes + external.BytesRead) + (8 << 20);
        if (bytes > limit - _made)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"folding would make {bytes} bytes beside {_made}, more than the {limit} that this file can reasonably hold."));
        }

        _made += bytes;
    }
}
