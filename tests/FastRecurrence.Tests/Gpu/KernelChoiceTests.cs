using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The choice of kernels on devices that need not be here.</summary>
public sealed class KernelChoiceTests
{
    private static readonly DeviceTraits Slice16 = DeviceTraits.H100 with { Multiprocessors = 16 };
    private static readonly DeviceTraits OpenCl = new(DeviceKind.OpenCl, IsCpu: false, Multiprocessors: 60, MaxThreads: 256, GigaHertz: 1.5);

    [Theory]
    [InlineData(256, 1, "grid-persistent")]
    [InlineData(512, 8, "grid-persistent")]
    [InlineData(1024, 1, "grid-persistent")]
    [InlineData(1024, 8, "grid-persistent")]
    [InlineData(64, 512, "block-persistent")]
    [InlineData(96, 32, "block-persistent")]
    [InlineData(2048, 1, "tensor-split-k-step")]
    [InlineData(512, 32, "tensor-split-k-step")]
    [InlineData(1024, 512, "tensor-tiled-step")]
    [InlineData(2048, 32, "tensor-split-k-step")]
    public void On_an_H100_the_model_chooses(int hiddenSize, int batchSize, string kernel)
    {
        KernelChoice plan = Choose(DeviceTraits.H100, LayerShape.Lstm(hiddenSize, hiddenSize), batchSize);
        Assert.True(plan.Family.Name == kernel, plan.ToString());
        Assert.Contains("model:", plan.Reason);
        Assert.Contains("µs", plan.Reason);
    }

    [Fact]
    public void A_grid_never_has_more_groups_than_are_resident()
    {
        foreach (DeviceTraits device in (DeviceTraits[])[DeviceTraits.H100, Slice16])
        {
            int grids = 0;
            foreach (int H in (int[])[4, 64, 128, 256, 512, 1000, 1024])
            {
                foreach (int N in (int[])[1, 3, 8, 9, 32, 128])
                {
                    KernelChoice plan = Choose(device, LayerShape.Lstm(8, H), N, GridPersistent.Family);
                    grids += plan.Family == GridPersistent.Family ? 1 : 0;
                    if (plan.Family == GridPersistent.Family)
                        Assert.True(plan.Variant.Groups <= device.Multiprocessors, $"H={H} N={N}: {plan}");
                    if (plan.BothDirections is KernelVariant both)
                        Assert.True(both.Groups <= device.Multiprocessors, $"H={H} N={N}: {plan}");
                }
            }

            // Without grids nothing would have been looked at.
            Assert.True(grids >= 5, $"{grids} grids among 42 plans");
        }
    }

    [Theory]
    [InlineData(256, 1, 64)]
    [InlineData(512, 1, 128)]
    [InlineData(512, 8, 128)]
    [InlineData(256, 16, 128)]
    [InlineData(1024, 1, 0)]
    public void Two_directions_share_a_launch_where_twice_the_groups_are_resident(int hiddenSize, int batchSize, int groups)
    {
        KernelChoice plan = Choose(DeviceTraits.H100, LayerShape.Lstm(8, hiddenSize), batchSize, GridPersistent.Family);
        Assert.Equal(groups, plan.BothDirections?.Groups ?? 0);
        Assert.Contains(groups > 0 ? $"both directions in one launch" : "two directions take two launches", plan.ToString());
        if (plan.BothDirections is KernelVariant both)
        {
            Assert.Contains($"({groups} groups)", plan.ToString());
            Assert.InRange(both.Microseconds, plan.Microseconds, 2 * plan.Microseconds);
            Assert.Equal(plan.Variant.Chunks, both.Chunks);
        }
    }

    [Fact]
    public void Only_a_grid_says_anything_about_two_directions() =>
        Assert.DoesNotContain("directions", Choose(DeviceTraits.H100, LayerShape.Lstm(8, 64), 512).ToString());

    [Theory]
    [InlineData(130, 1, "H is not a multiple of 4")]
    [InlineData(2048, 1, "H is beyond 1024")]
    [InlineData(1024, 64, "its groups would not all be resident")]
    public void A_kernel_that_was_asked_for_in_vain_is_named_with_its_reason(int hiddenSize, int batchSize, string reason)
    {
        KernelChoice plan = Choose(DeviceTraits.H100, LayerShape.Lstm(8, hiddenSize), batchSize, GridPersistent.Family);
        Assert.NotEqual(GridPersistent.Family, plan.Family);
        Assert.Contains("grid-persistent was asked for", plan.ToString());
        Assert.Contains(reason, plan.ToString());
    }

    [Fact]
    public void Only_CUDA_gets_a_grid_by_itself()
    {
        KernelChoice plan = Choose(OpenCl, LayerShape.Lstm(8, 256), 1);
        Assert.NotEqual(GridPersistent.Family, plan.Family);
        Assert.Contains("only CUDA", plan.Reason);
    }

    [Fact]
    public void Every_kernel_can_be_forced_where_it_runs()
    {
        foreach (KernelFamily kind in KernelFamily.All)
        {
            KernelChoice plan = Choose(DeviceTraits.H100, LayerShape.Elman(8, 128), 4, kind);
            Assert.Equal(kind, plan.Family);
            Assert.Contains(kind.Name, plan.ToString());
        }
    }

    [Theory]
    [InlineData(2048, 1, "split-k-step")]
    [InlineData(512, 32, "grid-persistent")]
    public void With_bfloat16_the_model_chooses(int hiddenSize, int batchSize, string kernel)
    {
        KernelChoice plan = Choose(DeviceTraits.H100, LayerShape.Lstm(8, hiddenSize), batchSize, format: WeightFormat.Bfloat16);
        Assert.True(plan.Family.Name == kernel, plan.ToString());
        Assert.Contains("tiled-step: reads R too rarely", plan.Reason);
        Assert.Contains("Bfloat16", plan.ToString());
        if (hiddenSize > 1024)
            Assert.InRange(plan.Microseconds, 0, KernelChoice.LeastGain * Choose(DeviceTraits.H100, LayerShape.Lstm(8, hiddenSize), batchSize).Microseconds);
    }

    [Fact]
    public void The_choice_does_not_depend_on_the_input_size()
    {
        // Only the recurrence is chosen here; the input GEMM chooses by its rows.
        Assert.Equal(Choose(DeviceTraits.H100, LayerShape.Lstm(1, 512), 8), Choose(DeviceTraits.H100, LayerShape.Lstm(4096, 512), 8));
    }

    [Theory]
    [InlineData("tile", "tiled-step")]
    [InlineData("split-k-step", "split-k-step")]
    [InlineData("group", "block-persistent")]
    [InlineData("grid", "grid-persistent")]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void The_environment_variable_takes_short_and_full_names(string? value, string? family)
    {
        Assert.Equal(family, ForcedKernel.Parse(value, out string? reason)?.Family.Name);
        Assert.Null(reason);
    }

    private static KernelChoice Choose(DeviceTraits device, LayerShape shape, int batchSize, KernelFamily? forced = null, WeightFormat format = WeightFormat.Float32) =>
        KernelChoice.For(new KernelProblem(device, shape, format, batchSize)
        {
            Forced = forced is null ? null : new ForcedKernel(forced),
            Resident = (_, _) => device.Multiprocessors * (format == WeightFormat.Float32 ? 1 : 2),
        });
}
