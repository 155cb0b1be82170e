namespace FastRecurrence.Gpu;

/// <summary>
/// How layers on a device compute <c>b + x·W</c> of all steps. Never anything less exact than float32 unless asked for: see
/// <see cref="GpuBackend.With(InputGemm)"/>. State and gates are float32 in all of them; h·R is another matter, <see cref="RecurrentGemm"/>.
/// </summary>
public enum InputGemm
{
    /// <summary>
    /// <see cref="TripleTf32"/> where the device has tensor cores and I is a multiple of 4; elsewhere <see cref="Float32"/>. Both have float32's error.
    /// </summary>
    Automatic,

    /// <summary>In float32, by this library's own kernel.</summary>
    Float32,

    /// <summary>On tensor cores, x and W rounded to tf32, 11 significant bits: the product is off by at most 9.8e-4 of <c>|x|·|W|</c>.</summary>
    Tf32,

    /// <summary>
    /// On tensor cores, x and W each as the sum of two tf32, three products: off by at most 2e-6 of <c>|x|·|W|</c>, as float32 is. An infinite x may
    /// give NaN, where float32 gives an infinite product.
    /// </summary>
    TripleTf32,

    /// <summary>On tensor cores, x and W rounded to bfloat16, 8 significant bits: off by at most 7.9e-3 of <c>|x|·|W|</c>.</summary>
    Bfloat16,

    /// <summary>
    /// In float32 by NVIDIA's cuBLAS, which must be on the library path. It picks a kernel by the number of rows: single steps need not give the bits
    /// of a sequence, as they do in all others.
    /// </summary>
    CuBlas,
}
