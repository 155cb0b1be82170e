using FastRecurrence.Cells;
using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu.Families;

/// <summary>The types that kernels are closed over.</summary>
internal static class KernelTypes
{
    /// <summary>The formats that R may have on a device.</summary>
    public static IReadOnlyList<WeightFormat> Formats { get; } = [WeightFormat.Float32, WeightFormat.Bfloat16];

    /// <summary>Shapes of the cells that every kernel is built for.</summary>
    public static IReadOnlyList<LayerShape> DefaultCells { get; } = [LayerShape.Lstm(4, 4), LayerShape.Gru(4, 4), LayerShape.Elman(4, 4)];

    /// <summary>Rows in the registers of a thread of the sliced kernels.</summary>
    public static IReadOnlyList<int> RowCounts { get; } = [1, 4, 8];

    /// <summary>Chunks of R that a thread can hold in registers; 0 streams.</summary>
    public static IReadOnlyList<int> ChunkCounts(WeightFormat format) =>
        format == WeightFormat.Float32 ? [0, 1, 2, 3, 4, 6, 8] : [0, 1, 2, 3, 4, 6, 8, 12];

    /// <summary>Chunks of the smallest instance that holds R over <paramref name="depth"/> k's; 0 when none does.</summary>
    public static int ChunksFor(WeightFormat format, int depth, int chunkDepth, int least = 0) =>
        ChunkCounts(format).FirstOrDefault(c => c * chunkDepth >= depth && c >= least);

    /// <summary>Whether every kernel can run a shape's cell: it is a default one, with one product a step.</summary>
    public static bool IsDefaultCell(LayerShape shape) => shape.Describe() is { IsDefault: true, Second: SecondProduct.None, RecurrentBlocks: > 0 };

    /// <summary>The cell of a shape after the product.</summary>
    public static Type Pointwise(LayerShape shape) => DeviceCell.Of(shape).Pointwise;

    /// <summary>So many rows in registers.</summary>
    public static Type Rows(int rows) => rows switch
    {
        1 => typeof(OneRow),
        2 => typeof(TwiceRows<OneRow>),
        4 => typeof(TwiceRows<TwiceRows<OneRow>>),
        8 => typeof(TwiceRows<TwiceRows<TwiceRows<OneRow>>>),
        _ => throw new ArgumentOutOfRangeException(nameof(rows), rows, "1, 2, 4 or 8."),
    };

    /// <summary>A chunk of R as it is stored.</summary>
    public static Type Chunk(WeightFormat format) => format == WeightFormat.Float32 ? typeof(HeldChunk) : typeof(HeldPairs);

    /// <summary>So many chunks in registers; 0 streams.</summary>
    public static Type Weights(WeightFormat format, int chunks)
    {
        Type type = chunks == 0 ? typeof(Streamed<>).MakeGenericType(Chunk(format)) : Chunk(format);
        if (chunks % 3 == 0 && chunks > 0)
            (type, chunks) = (typeof(ThriceHeld<>).MakeGenericType(type), chunks / 3);
        for (; chunks > 1; chunks /= 2)
            type = typeof(TwiceHeld<>).MakeGenericType(type);
        return type;
    }

    /// <summary>A part of an instance's name.</summary>
    public static string Name(LayerShape shape) => shape.Definition.Name;

    /// <summary>The end of an instance's name.</summary>
    public static string Suffix(WeightFormat format) => format == WeightFormat.Float32 ? "" : "-bf16";
}
