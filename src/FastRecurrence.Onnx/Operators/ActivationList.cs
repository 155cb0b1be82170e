using System.Globalization;
using FastRecurrence.Onnx.Graph;

namespace FastRecurrence.Onnx.Operators;

/// <summary>
/// The attributes activations, activation_alpha and activation_beta. Each list of parameters is handed out in order, to the
/// functions that have such a parameter and to no other; what is missing is the function's own default in ONNX.
/// </summary>
internal static class ActivationList
{
    /// <summary>One function for each entry, in order.</summary>
    /// <param name="where">File and node, for errors.</param>
    /// <param name="names">In any case.</param>
    /// <param name="alphas">activation_alpha.</param>
    /// <param name="betas">activation_beta.</param>
    /// <param name="warnings">Receives what was given but belongs to no function.</param>
    public static ActivationFunction[] Read(string where, IReadOnlyList<string> names, float[] alphas, float[] betas, List<string> warnings)
    {
        int a = 0, b = 0;
        var functions = new ActivationFunction[names.Count];
        for (int i = 0; i < functions.Length; i++)
        {
            Activation kind = Kind(where, names[i]);
            bool usesAlpha = ActivationFunction.UsesAlpha(kind), usesBeta = ActivationFunction.UsesBeta(kind);
            float? alpha = usesAlpha && a < alphas.Length ? alphas[a++] : null, beta = usesBeta && b < betas.Length ? betas[b++] : null;
            if (kind is Activation.Affine or Activation.ScaledTanh && (alpha is null || beta is null))
            {
                string missing = alpha is null ? "alpha" : "beta", lists = Text($"activation_alpha has {alphas.Length} values, activation_beta {betas.Length}");
                throw new ModelFormatException(where, Text($"activation {i}, {kind}, has no {missing} ({lists}), and ONNX gives it no default."));
            }

            if (kind is not (Activation.Affine or Activation.ScaledTanh))
            {
                ActivationFunction standard = ActivationFunction.From(kind);
                alpha ??= standard.Alpha;
                beta ??= standard.Beta;
            }

            if (!float.IsFinite(alpha!.Value) || !float.IsFinite(beta!.Value))
                throw new ModelFormatException(where, Text($"activation {i}, {kind}, has alpha {alpha} and beta {beta}; both must be finite."));
            functions[i] = new ActivationFunction(kind, alpha.Value, beta.Value);
        }

        if (a < alphas.Length || b < betas.Length)
        {
            string lists = Text($"activation_alpha has {alphas.Length} values and activation_beta {betas.Length}");
            warnings.Add(Text($"{lists}, but {a} and {b} are used: {string.Join(", ", functions)}"));
        }

        return functions;
    }

    private static Activation Kind(string where, string name)
    {
        foreach (Activation kind in Enum.GetValues<Activation>())
        {
            if (kind != Activation.Linear && string.Equals(kind.ToString(), name, StringComparison.OrdinalIgnoreCase))
                return kind;
        }

        string known = string.Join(", ", Enum.GetNames<Activation>()[1..]);
        throw new ModelFormatException(where, $"the activation '{NodeText.Short(name)}' is unknown; ONNX has {known}.");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
