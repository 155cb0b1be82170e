using System.Diagnostics;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>A way to make training steps of one problem again and again.</summary>
internal interface ITrainingEngine : IDisposable
{
    /// <summary>As the result file has it.</summary>
    string Name { get; }

    /// <summary>What a step from a zero state computes.</summary>
    StepResults Results();

    /// <summary>Makes so many steps and says what one of them took.</summary>
    StepTimes Time(int steps);
}

/// <summary>Times the three parts of a step.</summary>
internal abstract class TimedSteps(TrainingProblem problem)
{
    protected TrainingProblem Problem => problem;

    public StepTimes Time(int steps)
    {
        long forward = 0, backward = 0, update = 0, start = Stopwatch.GetTimestamp(), last = start;
        double cpu = Cpu();
        for (int i = 0; i < steps; i++)
        {
            Forward();
            long now = Stopwatch.GetTimestamp();
            forward += now - last;
            last = now;
            Backward();
            now = Stopwatch.GetTimestamp();
            backward += now - last;
            last = now;
            Update();
            now = Stopwatch.GetTimestamp();
            update += now - last;
            last = now;
        }

        cpu = Cpu() - cpu;
        double OfOne(long ticks) => ticks * 1e6 / Stopwatch.Frequency / steps;
        return new StepTimes(OfOne(last - start), cpu * 1e6 / steps, OfOne(forward), OfOne(backward), OfOne(update));
    }

    /// <summary>x to y, with all that the backward pass needs.</summary>
    protected abstract void Forward();

    /// <summary>∂L/∂y to the gradients of x and the weights.</summary>
    protected abstract void Backward();

    /// <summary>Changes the weights, where the problem asks for it, and forgets the gradients.</summary>
    protected abstract void Update();

    /// <summary>With one thread what this thread has used, which other programs do not disturb; with more what the process has.</summary>
    private double Cpu() => problem.Threads == 1 ? CpuClock.OfThread() : CpuClock.OfProcess();
}
