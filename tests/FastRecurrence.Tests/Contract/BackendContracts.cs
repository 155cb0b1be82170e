using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Contract;

public sealed class ReferenceContract : BackendContract
{
    protected override Backend Backend => Backend.Reference;
}

public sealed class ScalarContract : BackendContract
{
    protected override Backend Backend => Named.Core("scalar");
}

public sealed class Simd128Contract : BackendContract
{
    protected override Backend Backend => Named.Core("simd-128");
}

public sealed class Simd256Contract : BackendContract
{
    protected override Backend Backend => Named.Core("simd-256");
}

public sealed class Simd512Contract : BackendContract
{
    protected override Backend Backend => Named.Core("simd-512");
}

public sealed class SimdVectorContract : BackendContract
{
    protected override Backend Backend => Named.Core("simd-vector");
}

/// <summary>ILGPU's CPU emulation: a second for each problem, so a few tiny ones.</summary>
[Collection("devices")]
public sealed class IlgpuCpuContract : BackendContract
{
    protected override Backend Backend => Named.Gpu("ilgpu-cpu");

    protected override IEnumerable<Problem> Problems => Problem.Tiny();

    protected override IEnumerable<Problem> Variations => Problem.VariedShapes(2, 3).Select(shape => new Problem(shape, 2, 2));

    protected override (int T, int N, int I, int H) One => (2, 2, 2, 3);
}

[Collection("devices")]
public sealed class OpenClContract : BackendContract
{
    protected override Backend Backend => Named.Gpu("opencl:0");
}

[Collection("devices")]
public sealed class CudaContract : BackendContract
{
    protected override Backend Backend => Named.Gpu("cuda:0");
}
