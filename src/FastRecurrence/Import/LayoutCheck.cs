using System.Globalization;
using FastRecurrence.Cells;
using FastRecurrence.Reference;

namespace FastRecurrence.Import;

/// <summary>
/// Finds how a layer's arrays are laid out from one input and the output that it must give: every gate order, transposition
/// and bias rule is tried, and all that reproduce the output are reported. No match, or one match, is an answer; several mean
/// that the example cannot tell them apart (equal weights, symmetric sizes, a single step).
/// </summary>
public static class LayoutCheck
{
    private static readonly (string Name, float Forget)[] s_lstmRules = [("the bias", 0), ("the bias, 1 added to f at run time", 1)];

    /// <summary>Tries every layout of a layer.</summary>
    /// <param name="shape">
    /// The cell, its sizes and activations. A GRU is tried with both resets; what its shape says of
    /// <see cref="LayerShape.LinearBeforeReset"/> is not used.
    /// </param>
    /// <param name="inputWeights">W, <c>G·H·I</c> values in any layout.</param>
    /// <param name="recurrentWeights">R, <c>G·H·H</c> values in any layout.</param>
    /// <param name="bias">One bias of <c>G·H</c> values, two one after the other, or none.</param>
    /// <param name="input">x, <c>[T, 1, I]</c>; more than one step, or R cannot be told.</param>
    /// <param name="output">h of every step, <c>[T, 1, H]</c>, from a zero state.</param>
    /// <param name="tolerance">How far a match may be from <paramref name="output"/>.</param>
    /// <returns>All matches, best first; layouts that lead to the same layer are one match.</returns>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="NotSupportedException">The shape has peepholes or a projection.</exception>
    public static IReadOnlyList<LayoutMatch> Find(
        LayerShape shape, ReadOnlySpan<float> inputWeights, ReadOnlySpan<float> recurrentWeights, ReadOnlySpan<float> bias,
        ReadOnlySpan<float> input, ReadOnlySpan<float> output, double tolerance = 1e-5)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Unsupported.Variations(shape, "the layout check", clip: true, coupled: true);
        int G = shape.GateCount, H = shape.HiddenSize, I = shape.InputSize, length = G * H;
        Extents.Require(nameof(inputWeights), inputWeights.Length, "G×H×I", G, H, I);
        Extents.Require(nameof(recurrentWeights), recurrentWeights.Length, "G×H×H", G, H, H);
        if (bias.Length != 0 && bias.Length != length && bias.Length != 2 * length)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"bias has {bias.Length} values, expected {length} (one), {2 * length} (two) or none."), nameof(bias));
        }

        int T = output.Length / H;
        Extents.Require(nameof(output), output.Length, "T×1×H", T, 1, H);
        Extents.Require(nameof(input), input.Length, "T×1×I", T, 1, I);

        double[] x = ReferenceLayer.Widen(input), y = ReferenceLayer.Widen(output);
        float[][] w = [inputWeights.ToArray(), I == 0 ? [] : GateBlocks.Transpose(inputWeights, I, length)];
        float[][] r = [recurrentWeights.ToArray(), GateBlocks.Transpose(recurrentWeights, H, length)];
        float[] given = bias.ToArray();
        var matches = new List<LayoutMatch>();
        foreach (int[] order in Permutations(G))
        {
            foreach (bool wt in (ReadOnlySpan<bool>)(I == 0 ? [false] : [false, true]))
            {
                foreach (bool rt in (ReadOnlySpan<bool>)[false, true])
                {
                    foreach ((string rule, LayerWeights weights) in Candidates(shape, order, w[wt ? 1 : 0], r[rt ? 1 : 0], given))
                    {
                        double error = Error(weights, x, y, T, tolerance);
                        if (error <= tolerance && !matches.Exists(m => Same(m.Weights, weights)))
                            matches.Add(new LayoutMatch(Text(shape, order), wt, rt, rule, Framework(shape.Definition, order, wt, rt), error, weights));
                    }
                }
            }
        }

        return [.. matches.OrderBy(m => m.Error)];
    }

    private static IEnumerable<(string Rule, LayerWeights Weights)> Candidates(LayerShape shape, int[] order, float[] w, float[] r, float[] bias)
    {
        var layout = new WeightOrder("", order, order, Transposed: false);
        int length = shape.GateCount * shape.HiddenSize;
        float[] first = bias.Length == 0 ? [] : bias[..length], second = bias.Length == 2 * length ? bias[length..] : [];
        string plain = bias.Length == 0 ? "no bias" : second.Length == 0 ? "the bias" : "two biases added";
        if (shape.Definition == Cells.Gru.Definition)
        {
            yield return ($"{plain}, reset before", layout.Import<float>(Gru(shape, linear: false), w, r, first, second).ToWeights());
            LayerShape after = Gru(shape, linear: true);
            string apart = second.Length == 0 ? plain : "two biases, the candidate's apart";
            yield return ($"{apart}, reset after (linear before reset)", layout.Import<float>(after, w, r, first, second).ToWeights());
            if (second.Length != 0)
                yield return ("two biases, recurrent first, reset after (linear before reset)", layout.Import<float>(after, w, r, second, first).ToWeights());
            yield break;
        }

        LayerData<float> data = layout.Import<float>(shape, w, r, first, second);
        foreach ((string name, float forget) in shape.HasCellState ? s_lstmRules : s_lstmRules.AsSpan(0, 1).ToArray())
        {
            float[] b = [.. data.Bias];
            for (int j = 0; j < shape.HiddenSize && forget != 0; j++)
                b[shape.HiddenSize + j] += forget;
            yield return (name.Replace("the bias", plain, StringComparison.Ordinal), (data with { Bias = b }).ToWeights());
        }
    }

    private static LayerShape Gru(LayerShape shape, bool linear) => shape with { LinearBeforeReset = linear };

    // Step by step, so that a wrong layout is given up at its first wrong output.
    private static double Error(LayerWeights weights, double[] x, double[] y, int T, double tolerance)
    {
        var layer = new ReferenceLayer(weights);
        int I = weights.Shape.InputSize, H = weights.Shape.HiddenSize;
        double[] h = new double[H], c = new double[H];
        double worst = 0;
        for (int t = 0; t < T && worst <= tolerance; t++)
        {
            ReferenceResult step = layer.Run(x[(t * I)..((t + 1) * I)], 1, 1, h, c);
            (h, c) = (step.Hidden, step.Cell);
            for (int j = 0; j < H; j++)
            {
                double error = Math.Abs(h[j] - y[t * H + j]);
                worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
            }
        }

        return worst;
    }

    private static bool Same(LayerWeights a, LayerWeights b) => a.Shape == b.Shape && a.InputWeights.SequenceEqual(b.InputWeights)
        && a.RecurrentWeights.SequenceEqual(b.RecurrentWeights) && a.Bias.SequenceEqual(b.Bias);

    private static string? Framework(CellDefinition cell, int[] order, bool wt, bool rt)
    {
        WeightOrder[] known = [WeightOrder.PyTorch, WeightOrder.Keras, WeightOrder.Onnx, WeightOrder.TensorFlow1, WeightOrder.OneDnn, WeightOrder.Haste];
        string[] names = [.. known.Where(k => wt == rt && k.Transposed == wt && k.Blocks(cell).SequenceEqual(order)).Select(k => k.Name)];
        return names.Length == 0 ? null : string.Join(", ", names);
    }

    private static string Text(LayerShape shape, int[] order)
    {
        IReadOnlyList<string> ours = shape.Describe().Gates;
        return string.Join(' ', GateBlocks.Inverse(order).Select(k => ours[k]));
    }

    private static IEnumerable<int[]> Permutations(int count)
    {
        if (count == 0)
        {
            yield return [];
            yield break;
        }

        foreach (int[] rest in Permutations(count - 1))
        {
            for (int at = 0; at <= rest.Length; at++)
                yield return [.. rest[..at], count - 1, .. rest[at..]];
        }
    }
}
