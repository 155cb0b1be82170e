using System.Collections;

namespace FastRecurrence.Import;

/// <summary>
/// Tensors that are made when they are asked for. Those of an ordinary file are made once; of very many each is made anew, and kept by nobody.
/// </summary>
/// <param name="count">How many there are.</param>
/// <param name="make">Makes one by its number.</param>
internal sealed class TensorList(int count, Func<int, TensorInfo> make) : IReadOnlyList<TensorInfo>
{
    private const int MostKept = 65_536;

    private readonly TensorInfo?[] _kept = new TensorInfo?[count <= MostKept ? count : 0];

    public int Count => count;

    public TensorInfo this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
            return count > MostKept ? make(index) : _kept[index] ??= make(index); // two threads make equal ones
        }
    }

    public IEnumerator<TensorInfo> GetEnumerator()
    {
        for (int i = 0; i < count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
