using System.Text.RegularExpressions;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Tests.Gpu;

/// <summary>What a CUDA device would get, compiled for sm_90 without one and checked for what matters.</summary>
public sealed class PtxTests(CompiledKernels compiled) : IClassFixture<CompiledKernels>
{
    public static TheoryData<string> Kernels => [.. KernelCatalog.All.Select(k => k.Name)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Compiles_without_local_memory_approximations_or_unresolved_calls(string kernel)
    {
        string ptx = Compile(kernel);
        Assert.Contains(".target sm_", ptx);
        Assert.DoesNotContain(".local", ptx);
        Assert.DoesNotContain("tanh.approx", ptx);
        Assert.DoesNotContain("ex2.approx", ptx);
        Assert.DoesNotContain("div.approx", ptx);
        Assert.DoesNotContain("div.rn.f32", ptx); // a branch and a call
        // An approximate reciprocal is always corrected by what its quotient leaves.
        Assert.Equal(
            Regex.Count(ptx, @"rcp\.approx"),
            Regex.Count(ptx, @"rcp\.approx\.ftz\.f32[^;]*;\s*neg\.f32[^;]*;\s*mul\.rn\.f32[^;]*;\s*fma\.rn\.f32[^;]*;\s*fma\.rn\.f32"));
        Assert.DoesNotContain(".extern .func", ptx);
        Assert.DoesNotContain("bra.uni", ptx);
        Assert.DoesNotMatch(@"\bld\.f32|\bld\.v4", ptx); // generic addresses: optimisation level O1
        Assert.DoesNotMatch(@"\b(rem|div)\.[su](32|64)", ptx); // some twenty instructions each; a shift or a mask is one
        Assert.Contains("bar.sync", ptx);
        Assert.Contains(".maxntid", ptx);
        Assert.Matches(@"ld\.global\.v4\.|ld\.relaxed\.gpu\.global\.v4\.", ptx);
        Assert.Contains("ld.shared.v4.f32", ptx);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Static_shared_memory_fits_every_device(string kernel)
    {
        int bytes = Regex.Matches(Compile(kernel), @"\.shared (?:\.align \d+ )?\.b(\d+) \w+\[(\d+)\]").Sum(m => int.Parse(m.Groups[1].Value) / 8 * int.Parse(m.Groups[2].Value));
        Assert.InRange(bytes, 1, 48 * 1024 - 1);
    }

    [Fact]
    public void A_grid_exchanges_h_by_relaxed_accesses_at_the_scope_of_the_device()
    {
        foreach ((string name, _) in KernelCatalog.All.Where(k => k.Name.StartsWith("grid", StringComparison.Ordinal)))
        {
            string ptx = Compile(name);
            int rows = int.Parse(Regex.Match(name, @"-r(\d+)").Groups[1].Value);
            // The first look at h0 and the loop that waits: each reads its rows at once, 16 bytes a load.
            Assert.Equal(2 * rows, Regex.Count(ptx, @"ld\.relaxed\.gpu\S*\.v4\.f32"));
            // A lane stores one unit, also of the four of an Elman layer's column.
            Assert.Equal(1, Regex.Count(ptx, @"st\.relaxed\.gpu\S*\.f32"));
            Assert.Contains("ld.relaxed.gpu", ptx);
        }
    }

    [Theory]
    [InlineData("tf32", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 2, "cvt.rna.tf32.f32")]
    [InlineData("tripletf32", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 6, "and.b32")]
    [InlineData("bfloat16", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 1, "cvt.rn.bf16x2.f32")]
    public void An_input_GEMM_on_tensor_cores_multiplies_nowhere_else(string gemm, string instruction, int products, string rounding)
    {
        foreach (string size in (string[])["small", "large"])
        {
            string ptx = Compile($"input-gemm-{gemm}-{size}");
            // For 16 k's of a warp's tile: four fragments of sums beside each other, and two below each other in large tiles.
            Assert.Equal(4 * (size == "large" ? 2 : 1) * products, Regex.Count(ptx, Regex.Escape(instruction)));
            Assert.Contains(rounding, ptx);
            Assert.DoesNotContain("fma.rn.f32", ptx);
        }
    }

    [Fact]
    public void Large_tiles_have_two_panels_on_their_way_while_they_multiply_one()
    {
        string[] names = [.. KernelCatalog.All.Select(k => k.Name).Where(n => n.EndsWith("-async", StringComparison.Ordinal))];
        Assert.InRange(names.Length, 5, 20);
        foreach (string ptx in names.Select(Compile))
        {
            Assert.Contains("cp.async.cg.shared.global", ptx);
            Assert.Equal(3, Regex.Count(ptx, @"cp\.async\.commit_group"));
            Assert.Matches(@"cp\.async\.wait_group\s+1", ptx);
            Assert.Equal(64, Regex.Count(ptx, @"ld\.shared\.v4\.f32")); // for the 1024 multiply-adds of a panel
        }
    }

    [Fact]
    public void Every_grid_can_be_two_directions_deep()
    {
        foreach ((string name, _) in KernelCatalog.All.Where(k => k.Name.StartsWith("grid", StringComparison.Ordinal)))
            Assert.Contains("%ctaid.z", Compile(name));
    }

    [Theory]
    [InlineData("block-persistent-lstm-c4-r1", "block-persistent-lstm-c8-r1-bf16")]
    [InlineData("grid-persistent-lstm-c4-r1", "grid-persistent-lstm-c8-r1-bf16")]
    public void One_context_compiles_instances_whose_registers_hold_the_same_in_other_nests(string wide, string narrow)
    {
        // ILGPU takes structs of the same fields for one type: of four chunks of float32 and of eight of bfloat16 there are 64 words.
        using ILGPU.Context context = PtxCompiler.CreateContext();
        foreach (string name in (string[])[wide, narrow])
            Assert.True(PtxCompiler.Compile(context, KernelCatalog.All.Single(k => k.Name == name).Kernel).Length > 0, name);
    }

    [Theory]
    [InlineData("block-persistent-lstm-c4-r4", 4)]
    [InlineData("grid-persistent-lstm-c8-r1", 8)]
    [InlineData("grid-persistent-lstm-c8-r4-bf16", 8)]
    [InlineData("block-persistent-lstm-c8-r2-bf16", 8)]
    public void Weights_are_loaded_once_before_the_loop_over_time(string kernel, int chunks)
    {
        string ptx = Compile(kernel);
        // 4 loads a chunk, 2 of bfloat16 pairs, and in a block the preactivation of a step: nothing of R is loaded again.
        int perChunk = kernel.EndsWith("bf16", StringComparison.Ordinal) ? 2 : 4, preactivations = kernel.StartsWith("block", StringComparison.Ordinal) ? 1 : 0;
        Assert.Equal(perChunk * chunks + preactivations, Regex.Count(ptx, @"ld\.global\.v4\.\w+"));
    }

    [Theory]
    [InlineData("block-persistent-lstm-c4-r1-bf16", 32)]
    [InlineData("grid-persistent-elman-c8-r1-bf16", 64)]
    public void Narrow_weights_are_decoded_in_every_step(string kernel, int words)
    {
        // A shift by a constant could leave the loop over time, and take the registers that narrow weights save.
        Assert.Equal(words, Regex.Count(Compile(kernel), @"shl\.b32\s+%\w+, %\w+, %"));
    }

    private string Compile(string kernel) => compiled.Of(kernel);
}
