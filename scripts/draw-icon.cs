// Draws the packages' icon, build/icon.png: a cell whose output comes back to it. `dotnet run scripts/draw-icon.cs`
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

const int Size = 128, Samples = 4;
var rows = new byte[Size * (1 + Size * 4)];
for (int y = 0; y < Size; y++)
{
    for (int x = 0; x < Size; x++)
    {
        (double r, double g, double b, double a) sum = default;
        for (int s = 0; s < Samples * Samples; s++)
        {
            (double r, double g, double b, double a) = Colour(x + (s % Samples + 0.5) / Samples, y + (s / Samples + 0.5) / Samples);
            sum = (sum.r + r * a, sum.g + g * a, sum.b + b * a, sum.a + a);
        }

        double alpha = Math.Max(sum.a, 1e-9);
        byte[] pixel = [(byte)(sum.r / alpha), (byte)(sum.g / alpha), (byte)(sum.b / alpha), (byte)Math.Round(255 * sum.a / (Samples * Samples))];
        pixel.CopyTo(rows, y * (1 + Size * 4) + 1 + x * 4);
    }
}

using var packed = new MemoryStream();
using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
    zlib.Write(rows);
byte[] header = new byte[13];
BinaryPrimitives.WriteInt32BigEndian(header, Size);
BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Size);
(header[8], header[9]) = (8, 6); // eight bits each of red, green, blue and alpha
using FileStream file = File.Create(Path.Combine("build", "icon.png"));
file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
Chunk(file, "IHDR", header);
Chunk(file, "IDAT", packed.ToArray());
Chunk(file, "IEND", []);

static (double, double, double, double) Colour(double x, double y)
{
    double dx = Math.Max(Math.Abs(x - 64) - 44, 0), dy = Math.Max(Math.Abs(y - 64) - 44, 0);
    if (Math.Sqrt(dx * dx + dy * dy) > 20)
        return default;
    // The cell, a square; the loop, a ring that is open at the top right; its head, a triangle that points down.
    bool cell = Math.Abs(x - 64) < 15 && Math.Abs(y - 64) < 15;
    double radius = Math.Sqrt((x - 64) * (x - 64) + (y - 64) * (y - 64)), angle = Math.Atan2(64 - y, x - 64);
    bool ring = Math.Abs(radius - 40) < 6 && !(angle > 0 && angle < 0.9);
    bool head = y > 50 && y < 72 && Math.Abs(x - 104) < (72 - y) * 0.75;
    return cell ? (255, 196, 61, 1) : ring || head ? (240, 244, 250, 1) : (28, 47, 92, 1);
}

static void Chunk(Stream file, string type, byte[] data)
{
    byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
    Span<byte> number = stackalloc byte[4];
    BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
    file.Write(number);
    file.Write(body);
    BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(body));
    file.Write(number);
}

static uint Crc32(byte[] data)
{
    uint crc = uint.MaxValue;
    foreach (byte value in data)
    {
        crc ^= value;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }

    return ~crc;
}
