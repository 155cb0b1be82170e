namespace FastRecurrence.Reference;

/// <summary>h' = m∘h + (1 − m)∘h̃ and c' likewise with a mask of its own: dh̃ = (1 − m)∘dh, and m∘dh goes straight to the step before.</summary>
/// <param name="Hidden">Masks of h, by step of the run, row and unit.</param>
/// <param name="Cell">Masks of c.</param>
internal sealed record ReferenceZoneout(ZoneoutMask Hidden, ZoneoutMask Cell)
{
    /// <summary>Mixes what a step made of h and c with what was there before it.</summary>
    public void Mix(ReferenceStep step, int s, int n)
    {
        Mix(Hidden, s, n, step.Hidden, step.NextHidden);
        Mix(Cell, s, n, step.Cell, step.NextCell);
    }

    /// <summary>Leaves what goes through a cell, and returns what goes past it.</summary>
    public static double[] Split(ZoneoutMask mask, int s, int n, double[] gradient)
    {
        var past = new double[gradient.Length];
        float[] m = Of(mask, s, n, gradient.Length);
        for (int k = 0; k < m.Length; k++)
            (past[k], gradient[k]) = (m[k] * gradient[k], (1 - m[k]) * gradient[k]);
        return past;
    }

    private static void Mix(ZoneoutMask mask, int s, int n, double[] before, double[] after)
    {
        float[] m = Of(mask, s, n, after.Length);
        for (int k = 0; k < m.Length; k++)
            after[k] = m[k] * before[k] + (1 - m[k]) * after[k];
    }

    private static float[] Of(ZoneoutMask mask, int s, int n, int units)
    {
        var m = new float[units];
        if (mask.IsActive)
            mask.Fill(m, s, n, 0);
        return m;
    }
}
