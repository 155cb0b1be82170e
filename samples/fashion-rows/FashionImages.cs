using System.Buffers.Binary;
using System.IO.Compression;

namespace FashionRows;

/// <summary>
/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): images of 28 × 28 gray values, ten kinds of clothing. Read from the files of Debian's package
/// <c>dataset-fashion-mnist</c>.
/// </summary>
internal sealed class FashionImages
{
    /// <summary>Rows of an image, and pixels of a row.</summary>
    public const int Side = 28;

    /// <summary>Where the package puts its files.</summary>
    public const string Folder = "/usr/share/datasets/fashion-mnist";

    private readonly byte[] _pixels, _labels;

    private FashionImages(byte[] pixels, byte[] labels) => (_pixels, _labels) = (pixels, labels);

    /// <summary>Images.</summary>
    public int Count => _labels.Length;

    /// <summary>Whether the files are there.</summary>
    public static bool Exist(string folder = Folder) => File.Exists(Path.Combine(folder, "train-images-idx3-ubyte.gz"));

    /// <summary>Reads the images to train on, or those to test with.</summary>
    public static FashionImages Load(bool train, string folder = Folder)
    {
        string start = Path.Combine(folder, train ? "train" : "t10k");
        return new(Read($"{start}-images-idx3-ubyte.gz", headerBytes: 16, Side * Side), Read($"{start}-labels-idx1-ubyte.gz", headerBytes: 8, 1));
    }

    /// <summary>Some images as x, <c>[28, N, 28]</c>: a step is a row of pixels from 0 to 1; and their kinds.</summary>
    public void Fill(ReadOnlySpan<int> images, Span<float> x, Span<int> kinds)
    {
        int N = images.Length;
        for (int n = 0; n < N; n++)
        {
            kinds[n] = _labels[images[n]];
            for (int row = 0; row < Side; row++)
            {
                for (int column = 0; column < Side; column++)
                    x[(row * N + n) * Side + column] = _pixels[(images[n] * Side + row) * Side + column] / 255f;
            }
        }
    }

    private static byte[] Read(string file, int headerBytes, int itemBytes)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(File.OpenRead(file), CompressionMode.Decompress))
            gzip.CopyTo(bytes);
        byte[] all = bytes.ToArray();
        int count = BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(4));
        return all.Length == headerBytes + count * itemBytes ? all[headerBytes..]
            : throw new InvalidDataException($"{file} has {all.Length} bytes; {count} items of {itemBytes} bytes and a header of {headerBytes} are expected.");
    }
}
