namespace FastRecurrence.Gpu;

/// <summary>How layers on a device compute h·R. See <see cref="GpuBackend.With(RecurrentGemm)"/>.</summary>
public enum RecurrentGemm
{
    /// <summary>
    /// Whichever kernel should be fastest of those within float32's error: float32, or for many rows on tensor cores as three tf32 products, off by at most
    /// 2e-6 of <c>|h|·|R|</c>. <see cref="GpuLayer.Explain"/> says which.
    /// </summary>
    Automatic,

    /// <summary>In float32 arithmetic alone.</summary>
    Float32,
}
