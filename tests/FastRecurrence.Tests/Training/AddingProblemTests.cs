using AddingProblem;

namespace FastRecurrence.Tests.Training;

/// <summary>The sample trains: the loss that its page promises, and the same bits of it however many threads.</summary>
[Collection("teams")]
public sealed class AddingProblemTests
{
    [Fact]
    public void It_is_learnt_in_1500_steps()
    {
        using var adding = new Adding(Backend.Simd);
        double first = 0, last = 0;
        for (int step = 0; step < 1500; step++)
        {
            double loss = adding.Step();
            first += step < 50 ? loss / 50 : 0;
            last += step >= 1450 ? loss / 50 : 0;
        }

        Assert.InRange(first, 0.1, 0.5); // always 1: 0.167
        Assert.InRange(last, 0, 0.005);
    }

    [Fact]
    public void The_loss_has_the_same_bits_on_one_thread_and_two_and_at_every_width()
    {
        using var team = new WorkerTeam(2);
        using Adding one = new(Backend.Simd), two = new(Backend.Simd, team), narrow = new(Backend.All.Single(b => b.Name == "simd-128"));
        for (int step = 0; step < 25; step++)
        {
            double loss = one.Step();
            Assert.Equal(BitConverter.DoubleToInt64Bits(loss), BitConverter.DoubleToInt64Bits(two.Step()));
            Assert.Equal(BitConverter.DoubleToInt64Bits(loss), BitConverter.DoubleToInt64Bits(narrow.Step()));
        }
    }
}
