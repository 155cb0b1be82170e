using System.Text.Json;
using FastRecurrence.Tests.Cells;

namespace FastRecurrence.Tests.Arguments;

/// <summary>Shapes by methods instead of <c>with</c>, and as JSON.</summary>
public sealed class ShapeTests
{
    public static TheoryData<string> Shapes() => [.. s_shapes.Select(s => s.ToString())];

    private static readonly LayerShape[] s_shapes =
    [
        LayerShape.Lstm(3, 5), LayerShape.Gru(3, 5), LayerShape.Gru(3, 5, linearBeforeReset: false), LayerShape.Elman(0, 5), LayerShape.Dense(3, 5),
        LayerShape.Dense(3, 5, Activation.Relu), LayerShape.Elman(3, 5, new ActivationFunction(Activation.ScaledTanh, 1.5f, 0.5f)),
        LayerShape.Lstm(3, 5).WithPeepholes().WithClip(3).WithProjection(2).WithCoupledInputForget(),
        LayerShape.Lstm(3, 5).WithGateActivation(Activation.HardSigmoid).WithCellActivation(new ActivationFunction(Activation.Elu, 0.7f)),
        LayerShape.Gru(3, 5).WithCandidateActivation(Activation.Softsign).WithLinearBeforeReset(false),
    ];

    [Fact]
    public void Methods_say_what_with_says()
    {
        Assert.Equal(LayerShape.Lstm(3, 5) with { Peepholes = true, Clip = 3, ProjectionSize = 2, CoupledInputForget = true }, s_shapes[7]);
        Assert.Equal(
            LayerShape.Lstm(3, 5) with { GateActivation = Activation.HardSigmoid, CellActivation = new ActivationFunction(Activation.Elu, 0.7f) }, s_shapes[8]);
        Assert.Equal(LayerShape.Gru(3, 5, linearBeforeReset: false) with { CandidateActivation = Activation.Softsign }, s_shapes[9]);
        Assert.Throws<ArgumentException>(() => LayerShape.Gru(3, 5).WithPeepholes());
        Assert.Equal(LayerShape.Lstm(3, 5), s_shapes[7].WithPeepholes(false).WithClip(float.PositiveInfinity).WithProjection(0).WithCoupledInputForget(false));
    }

    /// <summary>Every variation has its method: a new one must join.</summary>
    [Fact]
    public void Every_variation_has_a_method() => Assert.Equal(
        typeof(LayerShape).GetProperties().Where(p => p.SetMethod is { IsPublic: true }).Select(p => "With" + p.Name.Replace("ProjectionSize", "Projection")).Order(),
        typeof(LayerShape).GetMethods().Where(m => m.Name.StartsWith("With", StringComparison.Ordinal)).Select(m => m.Name).Order());

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_shape_comes_back_from_its_JSON(string id)
    {
        LayerShape shape = s_shapes.Single(s => s.ToString() == id);
        string json = JsonSerializer.Serialize(shape);
        Assert.Equal(shape, JsonSerializer.Deserialize<LayerShape>(json));
    }

    [Fact]
    public void JSON_says_what_is_not_the_default()
    {
        Assert.Equal("""{"cell":"lstm","inputSize":3,"hiddenSize":5}""", JsonSerializer.Serialize(LayerShape.Lstm(3, 5)));
        Assert.Equal("""{"cell":"lstm","inputSize":3,"hiddenSize":5,"gateActivation":"HardSigmoid","clip":3}""",
            JsonSerializer.Serialize(LayerShape.Lstm(3, 5) with { GateActivation = Activation.HardSigmoid, Clip = 3 }));
        Assert.StartsWith("""{"cell":"mingru",""", JsonSerializer.Serialize(new LayerShape(MinGru.Definition, 3, 5)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("3", "is an object")]
    [InlineData("""{"inputSize":3,"hiddenSize":5}""", "'cell' is missing")]
    [InlineData("""{"cell":"lstm","hiddenSize":5}""", "'inputSize' is missing")]
    [InlineData("""{"cell":"lsmt","inputSize":3,"hiddenSize":5}""", "'lsmt' is none of lstm, gru, elman, dense")]
    [InlineData("""{"cell":"lstm","inputSize":3.5,"hiddenSize":5}""", "inputSize: a whole number was expected")]
    [InlineData("""{"cell":"lstm","inputSize":3,"hiddenSize":0}""", "hiddenSize must be 1 or more")]
    [InlineData("""{"cell":"lstm","inputSize":3,"hiddenSize":5,"peephole":true}""", "'peephole': a layer shape has no such field")]
    [InlineData("""{"cell":"gru","inputSize":3,"hiddenSize":5,"peepholes":true}""", "Peepholes belongs to")]
    [InlineData("""{"cell":"lstm","inputSize":3,"hiddenSize":5,"clip":"three"}""", "clip: a number was expected")]
    [InlineData("""{"cell":"lstm","inputSize":3,"hiddenSize":5,"cellActivation":"3"}""", "cellActivation: '3' is none of")]
    [InlineData("""{"cell":"lstm","inputSize":3,"hiddenSize":5,"cellActivation":"affine"}""", "has no default alpha and beta")]
    public void JSON_that_is_no_shape_is_refused_by_its_field(string json, string says) =>
        Assert.Contains(says, Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<LayerShape>(json)).Message, StringComparison.Ordinal);
}
