using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>Right equations with something spoilt before or after them: what a check of gradients must find.</summary>
internal sealed class Mutant(
    ReferenceCell right,
    Action<ReferenceBackwardStep>? before = null,
    Action<ReferenceBackwardStep>? after = null,
    Action<ReferenceBackwardStep>? afterProducts = null) : ReferenceCell
{
    public override void Step(ReferenceStep step) => right.Step(step);

    public override void Deltas(ReferenceBackwardStep step)
    {
        before?.Invoke(step);
        right.Deltas(step);
        after?.Invoke(step);
    }

    public override void Products(ReferenceBackwardStep step)
    {
        right.Products(step);
        afterProducts?.Invoke(step);
    }

    public static void SwapBlocks(double[] blocks, int a, int b, int H)
    {
        for (int j = 0; j < H; j++)
            (blocks[a * H + j], blocks[b * H + j]) = (blocks[b * H + j], blocks[a * H + j]);
    }
}
