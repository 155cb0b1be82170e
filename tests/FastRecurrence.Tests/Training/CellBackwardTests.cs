using System.Runtime.Intrinsics;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>A step back of every cell and variation, from what a step leaves: against the reference's equations, and at two widths the same bits.</summary>
public sealed class CellBackwardTests
{
    private const int H = 16, I = 3;

    public static TheoryData<string> Shapes => [.. Trainable.Select(shape => shape.ToString())];

    private static IEnumerable<LayerShape> Trainable => GradientShapes.All(I, H, 5).Where(shape => shape.ProjectionSize == 0
        && ActivationGradients.AreKnownFromOutput(shape.CandidateActivation) && ActivationGradients.AreKnownFromOutput(shape.GateActivation)).DistinctBy(shape => shape.ToString());

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gives_what_the_reference_gives(string name)
    {
        LayerShape shape = Trainable.Single(s => s.ToString() == name);
        var step = new StepBack(shape);
        (float[] scalar, float[] wide) = (shape.Definition.Accept(shape, new Evaluator<float, ScalarLanes>(step)), shape.Definition.Accept(shape, new Evaluator<Vector512<float>, Vector512Lanes>(step)));
        Assert.Equal(scalar.Select(BitConverter.SingleToInt32Bits), wide.Select(BitConverter.SingleToInt32Bits));
        for (int i = 0; i < step.Exact.Length; i++)
            Assert.True(Math.Abs(scalar[i] - step.Exact[i]) <= 1e-6 * Math.Max(1, Math.Abs(step.Exact[i])), $"{shape}: value {i / H} of unit {i % H} is {scalar[i]:R}, exactly {step.Exact[i]:R}");
    }

    /// <summary>One step of the reference whose recurrent product is h/2 for the candidate and nothing for the others, so that a unit depends on itself alone.</summary>
    private sealed class StepBack
    {
        public StepBack(LayerShape shape)
        {
            Shape = shape;
            var random = new Random(7);
            double[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (double)(float)(random.NextDouble() * 2 - 1))];
            var r = new double[shape.RecurrentWeightCount];
            for (int j = 0; shape.Cell == CellKind.Gru && j < H; j++)
                r[(2 * H + j) * H + j] = 0.5;
            double[] bias = Draw(shape.BiasCount), x = Draw(I), h = Draw(H), c = Draw(H);
            var layer = new ReferenceLayer(shape, Draw(shape.InputWeightCount), r, bias, Draw(shape.PeepholeCount));
            ReferenceResult run = layer.Run(x, 1, 1, h, shape.HasCellState ? c : null);
            var step = new ReferenceBackwardStep(layer, new ReferenceGradients(shape, 1, 1));
            x.CopyTo(step.Input, 0);
            h.CopyTo(step.PreviousHidden, 0);
            run.Gates.CopyTo(step.Gates, 0);
            run.Preactivations.CopyTo(step.Preactivations, 0);
            Draw(H).CopyTo(step.HiddenGradient, 0);
            if (shape.HasCellState)
            {
                c.CopyTo(step.PreviousCell, 0);
                run.Cells.CopyTo(step.Cell, 0);
                Draw(H).CopyTo(step.CellGradient, 0);
            }

            (Columns, HiddenGradient, CellGradient) = (new float[4 * H], Narrow(step.HiddenGradient), Narrow(step.CellGradient));
            (Before, CellBefore, Cell, Peepholes) = (Narrow(h), Narrow(step.PreviousCell), Narrow(step.Cell), Narrow(layer.Peepholes));
            Narrow(run.Gates).CopyTo(Columns, 0);
            for (int i = 0; i < run.Gates.Length; i++)
            {
                // What the kernels make of a bound is what they know it by.
                bool isCandidate = i / H == (shape.Cell == CellKind.Elman ? 0 : 2);
                ActivationFunction f = isCandidate ? shape.CandidateActivation : shape.GateActivation;
                if (Math.Abs(run.Preactivations[i]) >= shape.Clip)
                    Columns[i] = Activations<float, ScalarLanes>.Apply(Math.Sign(run.Preactivations[i]) * shape.Clip, f.Kind, f.Alpha, f.Beta);
            }

            for (int j = 0; HasRecurrentCandidate && j < H; j++)
                Columns[3 * H + j] = (float)(bias[3 * H + j] + 0.5 * h[j]);
            shape.Definition.Reference.Deltas(step);
            var exact = new double[6 * H];
            step.Delta.CopyTo(exact, 0);
            for (int j = 0; j < H; j++)
            {
                double recurrent = HasRecurrentCandidate ? exact[3 * H + j] = step.Delta[2 * H + j] * run.Gates[j] : 0;
                if (shape.Describe().Second == SecondProduct.Candidate)
                    exact[3 * H + j] = run.Gates[j] * h[j];
                exact[4 * H + j] = step.PreviousHiddenGradient[j] - 0.5 * recurrent;
                exact[5 * H + j] = step.CellGradient[j];
            }

            Exact = exact;
        }

        public LayerShape Shape { get; }

        public float[] Columns { get; }

        public float[] HiddenGradient { get; }

        public float[] CellGradient { get; }

        public float[] Before { get; }

        public float[] CellBefore { get; }

        public float[] Cell { get; }

        public float[] Peepholes { get; }

        /// <summary>δ of four columns, what goes straight to h, and what goes to c, <c>[6, H]</c>; 0 where there is nothing.</summary>
        public double[] Exact { get; }

        private bool HasRecurrentCandidate => Shape.Cell == CellKind.Gru && Shape.LinearBeforeReset;

        private static float[] Narrow(double[] values) => [.. values.Select(v => (float)v)];
    }

    private sealed unsafe class Evaluator<V, L>(StepBack step) : ICellVisitor<float[]>
        where V : struct
        where L : IMemoryLanes<V>
    {
        public float[] Visit<TCell>()
            where TCell : struct, ICell
        {
            Assert.NotEqual(GateSet.None, TCell.SavedColumns);
            var result = new float[6 * H];
            CellSettings settings = CellSettings.From(step.Shape);
            for (int unit = 0; unit < H; unit += L.Count)
            {
                V At(float[] values, int column = 0)
                {
                    if (values.Length == 0)
                        return default;
                    fixed (float* p = &values[column * H + unit])
                        return L.Load(p);
                }

                Gates<V> a = new() { X = At(step.Columns), Y = At(step.Columns, 1), Z = At(step.Columns, 2), W = At(step.Columns, 3) };
                SavedStep<V> saved = new() { HiddenBefore = At(step.Before), CellBefore = At(step.CellBefore), Cell = At(step.Cell) };
                if (step.Peepholes.Length != 0)
                    saved.Peepholes = new() { Input = At(step.Peepholes), Forget = At(step.Peepholes, 1), Output = At(step.Peepholes, 2) };
                V hidden = At(step.HiddenGradient), cell = At(step.CellGradient);
                if (step.Shape.Describe().Second == SecondProduct.Candidate)
                {
                    TCell.BackwardOfEmit<V, L>(ref a, ref hidden, saved.HiddenBefore, settings);
                    V straight = hidden;
                    hidden = L.Multiply(L.Broadcast(0.5f), a.Z);
                    TCell.Backward<V, L>(ref a, ref hidden, ref cell, saved, settings);
                    hidden = L.Add(straight, hidden);
                }
                else
                {
                    TCell.Backward<V, L>(ref a, ref hidden, ref cell, saved, settings);
                }

                V[] values = [a.X, a.Y, a.Z, a.W, hidden, cell];
                for (int i = 0; i < values.Length; i++)
                {
                    fixed (float* p = &result[i * H + unit])
                        L.Store(values[i], p);
                }
            }

            return result;
        }
    }
}
