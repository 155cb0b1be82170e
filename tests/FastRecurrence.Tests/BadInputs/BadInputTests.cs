using System.Reflection;
using FastRecurrence.Tests.Onnx;

namespace FastRecurrence.Tests.BadInputs;

/// <summary>The catalogue of bad inputs: every number has its input and its outcome, the test that holds it, or a reason.</summary>
[Collection("devices")]
public sealed class BadInputTests
{
    public static TheoryData<string> Calls => [.. All.Select(c => c.ToString())];

    private static IEnumerable<BadCall> All => ApiCalls.All();

    [Theory]
    [MemberData(nameof(Calls))]
    public void Is_refused_as_it_says_or_taken(string name)
    {
        BadCall call = All.Single(c => c.ToString() == name);
        if (call.Type is null)
        {
            call.Do();
            return;
        }

        Exception e = Assert.Throws(call.Type, call.Do);
        TestContext.Current.TestOutputHelper?.WriteLine($"{call}: {e.Message}");
        Assert.DoesNotContain("\n", e is ArgumentOutOfRangeException ? e.Message.Split(Environment.NewLine)[0] : e.Message);
        foreach (string word in call.Says)
            Assert.Contains(word, e.Message);
    }

    [Fact]
    public void All_116_numbers_are_accounted_for()
    {
        int[] tested = [.. All.Select(c => c.Number), .. BadInputCatalogue.OfTheTool, .. CatalogueTests.Numbers, .. Catalogue.Tests.Select(t => t.Number)];
        int[] untested = [.. Catalogue.Untested.Select(u => u.Number)];
        Assert.Equal(Enumerable.Range(1, BadInputCatalogue.Size), tested.Concat(untested).Distinct().Order());
        Assert.Empty(tested.Intersect(untested));
        Assert.Equal(untested.Length, untested.Distinct().Count());
        Assert.All(Catalogue.Untested, u => Assert.EndsWith(".", u.Reason));
    }

    [Fact]
    public void The_tests_it_points_to_are_tests()
    {
        foreach ((int number, Type type, string method) in Catalogue.Tests)
            Assert.True(type.GetMethod(method)?.GetCustomAttributes<FactAttribute>().Any(), $"{number}: {type.Name}.{method} is no test");
    }

    /// <summary>A length beyond 65,535 steps, where other libraries give up: on every backend that is there, the slow ones on a handful of numbers.</summary>
    [Fact]
    public void Seventy_thousand_steps_run()
    {
        const int T = 70_000;
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(1, 2), 1);
        float[] x = Problem.Uniform(new Random(1), T), exact = Run(Backend.Reference);
        float[] Run(Backend backend)
        {
            using RecurrentLayer layer = backend.Prepare(weights);
            using LayerState state = layer.CreateState(1);
            var y = new float[2 * T];
            layer.Run(state, T, x, y);
            return y;
        }

        foreach (Backend backend in Conformance.TestBackends.Complete)
        {
            float[] y = Run(backend);
            for (int i = 0; i < y.Length; i++)
                Assert.True(Math.Abs(y[i] - exact[i]) <= Conformance.TestBackends.Tolerance(backend), $"{backend.Name}: step {i / 2}");
        }
    }
}
