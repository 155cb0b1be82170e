using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>The reference's gradients against central differences of its own forward pass: every number of every part.</summary>
public sealed class GradientCheckTests
{
    private const int I = 3, H = 4, P = 2;
    private const double Tolerance = 1e-8;

    [Theory]
    [InlineData(false, Direction.Forward)]
    [InlineData(false, Direction.Reverse)]
    [InlineData(true, Direction.Forward)]
    [InlineData(true, Direction.Reverse)]
    public void Every_gradient_of_every_variation(bool ragged, Direction direction)
    {
        double worst = 0;
        foreach (LayerShape shape in GradientShapes.All(I, H, P))
            worst = Math.Max(worst, Check(GradientProblem.Draw(shape, ragged: ragged, direction: direction)));
        TestContext.Current.TestOutputHelper?.WriteLine($"worst error {worst:g3}");
    }

    /// <summary>The smallest sizes, no input, no step, and rows without steps beside longer ones.</summary>
    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(0, 3, 4, 2)]
    [InlineData(2, 3, 0, 2)]
    [InlineData(2, 3, 5, 4)]
    public void Edges(int inputSize, int hiddenSize, int T, int N)
    {
        foreach (LayerShape shape in GradientShapes.All(inputSize, hiddenSize, Math.Min(1, hiddenSize - 1)))
            Check(GradientProblem.Draw(shape, T, N, ragged: true));
    }

    /// <summary>A check that cannot fail checks nothing: each wrong equation must be found, in every part that it spoils.</summary>
    [Theory]
    [InlineData("δi and δf swapped", false)]
    [InlineData("c_t for c_t-1", false)]
    [InlineData("c_t for c_t-1", true)]
    [InlineData("no way back through c", false)]
    [InlineData("no way back through R h", true)]
    public void A_wrong_LSTM_is_found(string mutation, bool ragged)
    {
        GradientProblem problem = GradientProblem.Draw(LayerShape.Lstm(I, H), ragged: ragged);
        Action<ReferenceBackwardStep>? before = null, after = null, products = null;
        switch (mutation)
        {
            case "δi and δf swapped": after = s => Mutant.SwapBlocks(s.Delta, 0, 1, H); break;
            case "c_t for c_t-1": before = s => s.Cell.CopyTo(s.PreviousCell, 0); break;
            case "no way back through c": after = s => Array.Clear(s.CellGradient); break;
            default: products = s => Array.Clear(s.PreviousHiddenGradient); break;
        }

        AssertFound(problem, new Mutant(new ReferenceLstm(), before, after, products), "x", "W", "R", "b", "h0");
    }

    [Theory]
    [InlineData("no reset", true)]
    [InlineData("no reset", false)]
    [InlineData("δr and δz swapped", true)]
    [InlineData("δr and δz swapped", false)]
    [InlineData("z and 1 - z swapped", true)]
    [InlineData("z and 1 - z swapped", false)]
    public void A_wrong_GRU_is_found(string mutation, bool linearBeforeReset)
    {
        GradientProblem problem = GradientProblem.Draw(LayerShape.Gru(I, H, linearBeforeReset));
        Action<ReferenceBackwardStep>? before = null, after = null;
        switch (mutation)
        {
            case "no reset": before = s => s.Gates.AsSpan(0, H).Fill(1); break;
            case "δr and δz swapped": after = s => Mutant.SwapBlocks(s.Delta, 0, 1, H); break;
            default:
                before = s =>
                {
                    for (int j = H; j < 2 * H; j++)
                        s.Gates[j] = 1 - s.Gates[j];
                };
                break;
        }

        AssertFound(problem, new Mutant(new ReferenceGru(), before, after), "x", "W", "R", "b", "h0");
    }

    /// <summary>dh of the loss's final states at step T − 1 of every row instead of at the row's own last step.</summary>
    [Fact]
    public void Final_states_at_the_wrong_step_are_found()
    {
        GradientProblem problem = GradientProblem.Draw(LayerShape.Elman(I, H), ragged: true);
        ReferenceBackwardInput wrong = problem.Input with { Lengths = null };
        Dictionary<string, double> errors = problem.Errors(problem.Layer.Backward(wrong));
        Assert.True(errors["W"] > 1e-3 && errors["h0"] > 1e-3);
    }

    private static void AssertFound(GradientProblem problem, ReferenceCell wrong, params string[] spoilt)
    {
        Check(problem); // the right equations pass
        Dictionary<string, double> errors = problem.Errors(problem.Layer.Backward(problem.Input, wrong));
        foreach (string part in spoilt)
            Assert.True(errors[part] > 1e-3, $"the error of d{part} is only {errors[part]:g3}");
    }

    private static double Check(GradientProblem problem)
    {
        Dictionary<string, double> errors = problem.Errors(problem.Layer.Backward(problem.Input));
        foreach ((string part, double error) in errors)
            Assert.True(error <= Tolerance, $"{problem.Layer.Shape}: the error of d{part} is {error:g3}");
        return errors.Values.Max();
    }
}
