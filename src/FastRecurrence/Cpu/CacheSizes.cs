using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Cpu;

/// <summary>
/// The caches of this processor, in bytes: the first level's data and the second level of one core, the third level whole. Asked of the processor
/// once, by its own instruction,
/// so that it is the same question on every operating system; where it does not answer (other processors than x86), common sizes stand in. Speed
/// depends on them, bits never do.
/// </summary>
internal sealed record CacheSizes(long FirstLevel, long SecondLevel, long ThirdLevel)
{
    /// <summary>Replaces what the processor says: three sizes in KiB, such as <c>48,1024,32768</c>.</summary>
    public const string Variable = "FASTRECURRENCE_CACHES";

    private static readonly CacheSizes s_common = new(48 << 10, 1 << 20, 32 << 20);

    /// <summary>As the variable says, or the processor, or as is common.</summary>
    /// <exception cref="FormatException">The variable does not hold three sizes.</exception>
    public static CacheSizes OfThisMachine() => OfThisMachine(Environment.GetEnvironmentVariable(Variable));

    internal static CacheSizes OfThisMachine(string? forced)
    {
        if (string.IsNullOrEmpty(forced))
            return Ask() ?? s_common;
        string[] parts = forced.Split(',');
        var sizes = new long[3];
        for (int i = 0; i < 3; i++)
        {
            if (parts.Length != 3 || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out int kilobytes) || kilobytes < 1)
                throw new FormatException(
                    $"{Variable}={forced}: three cache sizes in KiB were expected, such as 48,1024,32768. Unset it to ask the processor.");
            sizes[i] = (long)kilobytes << 10;
        }

        return new CacheSizes(sizes[0], sizes[1], sizes[2]);
    }

    /// <summary>
    /// The deterministic cache parameters: leaf 4 of Intel, leaf 0x8000001D of AMD, the same fields in both (AMD64 Architecture Programmer's Manual,
    /// volume 3, appendix E).
    /// </summary>
    private static CacheSizes? Ask()
    {
        if (!X86Base.IsSupported)
            return null;
        long[] sizes = new long[4];
        foreach (int leaf in (ReadOnlySpan<int>)[4, unchecked((int)0x8000001D)])
        {
            if (unchecked((uint)X86Base.CpuId(leaf & unchecked((int)0x80000000), 0).Eax) < unchecked((uint)leaf))
                continue;
            for (int index = 0; index < 16; index++)
            {
                (int eax, int ebx, int ecx, _) = X86Base.CpuId(leaf, index);
                int type = eax & 0x1F, level = eax >> 5 & 7;
                if (type == 0)
                    break;
                const int Instructions = 2;
                if (type == Instructions || level > 3)
                    continue;
                long ways = (ebx >> 22 & 0x3FF) + 1, partitions = (ebx >> 12 & 0x3FF) + 1, line = (ebx & 0xFFF) + 1, sets = (uint)ecx + 1L;
                sizes[level] = Math.Max(sizes[level], ways * partitions * line * sets);
            }
        }

        return sizes[1] == 0 || sizes[2] == 0 ? null : new CacheSizes(sizes[1], sizes[2], sizes[3] == 0 ? sizes[2] : sizes[3]);
    }
}
