using System.Globalization;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>A limit on the bytes that folding makes: repeated Concat nodes could make any size from a small file.</summary>
internal sealed class FoldingBudget(long fileBytes, ExternalData external)
{
    private long _made;

    /// <exception cref="ArgumentException">The file makes more than it can reasonably hold.</exception>
    public void Take(long bytes)
    {
        long limit = 4 * (fileBytes + external.BytesRead) + (8 << 20);
        if (bytes > limit - _made)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"folding would make {bytes} bytes beside {_made}, more than the {limit} that this file can reasonably hold."));
        _made += bytes;
    }
}
