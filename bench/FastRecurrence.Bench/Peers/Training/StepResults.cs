using System.Runtime.InteropServices;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>What one training step from a zero state computes, row-major as PyTorch has it.</summary>
/// <param name="Output">y, <c>[T, N, H]</c>.</param>
/// <param name="InputGradient">∂L/∂x.</param>
/// <param name="WeightGradients">Of weight_ih, weight_hh, bias_ih and bias_hh.</param>
internal sealed record StepResults(float[] Output, float[] InputGradient, float[][] WeightGradients)
{
    /// <summary>The largest difference of a gradient of weights from another engine's, relative to the largest value of its matrix.</summary>
    public double Difference(StepResults other) => WeightGradients.Zip(other.WeightGradients).Max(pair => Difference(pair.First, pair.Second));

    public void Write(BinaryWriter writer)
    {
        foreach (float[] values in (float[][])[Output, InputGradient, .. WeightGradients])
        {
            writer.Write(values.Length);
            writer.Write(MemoryMarshal.AsBytes<float>(values));
        }
    }

    public static StepResults Read(BinaryReader reader)
    {
        float[] Next()
        {
            var values = new float[reader.ReadInt32()];
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        return new StepResults(Next(), Next(), [Next(), Next(), Next(), Next()]);
    }

    private static double Difference(float[] a, float[] b)
    {
        if (a.Length != b.Length)
            return double.PositiveInfinity;
        double worst = 0, largest = 0;
        for (int i = 0; i < a.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(a[i]));
            double difference = Math.Abs((double)a[i] - b[i]);
            if (!(difference <= worst))
                worst = difference;
        }

        return worst / Math.Max(largest, float.Epsilon);
    }
}

/// <summary>Microseconds of one training step: by the clock, of processor time, and by the clock for each part of it.</summary>
internal readonly record struct StepTimes(double Wall, double Cpu, double Forward, double Backward, double Update)
{
    public void Write(BinaryWriter writer)
    {
        foreach (double value in (double[])[Wall, Cpu, Forward, Backward, Update])
            writer.Write(value);
    }

    public static StepTimes Read(BinaryReader reader) =>
        new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
}
