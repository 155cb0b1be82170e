namespace FastRecurrence.Cpu;

/// <summary>What a narrow format does to a layer's outputs: <see cref="RecurrentLayer.FormatError"/>.</summary>
internal static class FormatProbe
{
    /// <summary>The largest difference of h over 32 steps of uniform input in ±1, a batch of one.</summary>
    public static double Difference(RecurrentLayer exact, RecurrentLayer narrow)
    {
        const int Steps = 32;
        var random = new Random(1);
        var input = new float[Steps * exact.Shape.InputSize];
        for (int i = 0; i < input.Length; i++)
            input[i] = (float)(2 * random.NextDouble() - 1);
        float[] expected = new float[Steps * exact.Shape.OutputSize], actual = new float[expected.Length];
        using LayerState a = exact.CreateState(1), b = narrow.CreateState(1);
        exact.Run(a, Steps, input, expected);
        narrow.Run(b, Steps, input, actual);
        double largest = 0;
        for (int i = 0; i < expected.Length; i++)
            largest = Math.Max(largest, Distance(expected[i], actual[i]));
        return largest;
    }

    /// <summary>
    /// 0 where both are the same infinity or both are NaN: the format did not do that; infinite where it made a NaN or an infinity, or took one away.
    /// </summary>
    private static double Distance(float exact, float narrow)
    {
        if (exact.Equals(narrow))
            return 0;
        double distance = Math.Abs((double)exact - narrow);
        return double.IsNaN(distance) ? double.PositiveInfinity : distance;
    }
}
