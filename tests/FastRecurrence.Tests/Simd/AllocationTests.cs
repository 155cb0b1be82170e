namespace FastRecurrence.Tests.Simd;

public sealed class AllocationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Ten_thousand_steps_allocate_nothing(int batchSize)
    {
        foreach (Backend backend in Backend.All.Where(b => b.Name != "reference"))
        {
            foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(7, 9), LayerShape.Elman(7, 9)])
            {
                using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(shape, 1));
                using LayerState state = layer.CreateState(batchSize);
                float[] x = new float[3 * batchSize * 7], h = new float[3 * batchSize * 9], gates = new float[batchSize * 9 * shape.GateCount];
                void Call()
                {
                    layer.Step(state, x.AsSpan(0, batchSize * 7), h.AsSpan(0, batchSize * 9), gates);
                    layer.Run(state, 3, x, h);
                }

                for (int i = 0; i < 100; i++)
                    Call();
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < 2500; i++)
                    Call();
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }
    }
}
