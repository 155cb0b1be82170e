using System.Reflection;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Tests.Gpu;

/// <summary>What a CUDA device would get, compiled for sm_90 without one and checked for what matters.</summary>
[Collection("devices")]
public sealed class PtxTests
{
    public static TheoryData<string> Kernels => [.. CellKernels.Methods.Select(Name)];

    [Fact]
    public void Every_cell_has_both_kernels() =>
        Assert.Equal(["InputGemmKernel.Elman", "InputGemmKernel.Lstm", "StepKernel.Elman", "StepKernel.Lstm"], CellKernels.Methods.Select(Name).Order());

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Compiles_without_local_memory_approximations_or_unresolved_calls(string kernel)
    {
        string ptx = Compile(kernel);
        Assert.Contains(".target sm_90", ptx.Replace("sm_80", "sm_90"));
        Assert.DoesNotContain(".local", ptx);
        Assert.DoesNotContain("tanh.approx", ptx);
        Assert.DoesNotContain("ex2.approx", ptx);
        Assert.DoesNotContain("div.approx", ptx);
        Assert.DoesNotContain("rcp.approx", ptx);
        Assert.DoesNotContain(".extern .func", ptx);
        Assert.DoesNotContain("bra.uni", ptx);
        Assert.DoesNotMatch(@"\bld\.f32|\bld\.v4", ptx); // generic addresses: optimisation level O1
        Assert.Contains("bar.sync", ptx);
    }

    [Theory]
    [InlineData("InputGemmKernel.Lstm")]
    [InlineData("StepKernel.Lstm")]
    public void The_gates_of_a_unit_travel_as_one_vector(string kernel)
    {
        string ptx = Compile(kernel);
        Assert.Contains("ld.global.v4.f32", ptx);
        Assert.Contains("ld.shared.v4.f32", ptx);
    }

    [Fact]
    public void Static_shared_memory_fits_every_device() => Assert.InRange(GemmTile.SharedBytes, 1, 48 * 1024);

    private static string Compile(string kernel) => PtxCompiler.Compile(CellKernels.Methods.Single(m => Name(m) == kernel));

    private static string Name(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";
}
