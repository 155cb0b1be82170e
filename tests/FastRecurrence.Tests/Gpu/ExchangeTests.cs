using static FastRecurrence.Tests.Gpu.ExchangeModel;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The persistent grid's protocol under thousands of random schedules, and proof that the model sees mistakes.</summary>
public sealed class ExchangeTests
{
    private const int NoLimit = int.MaxValue;

    [Fact]
    public void Resident_groups_lose_no_update_read_no_old_step_and_do_not_deadlock()
    {
        for (int seed = 0; seed < 2000; seed++)
        {
            int groups = 1 + seed % 7, steps = 1 + seed % 9;
            var model = new ExchangeModel(Protocol.SelfValidating, groups, steps, places: groups + seed % 3, pollBudget: NoLimit, seed);
            Assert.True(model.Run() == Outcome.Right, $"seed {seed}: {groups} groups, {steps} steps");
        }
    }

    [Fact]
    public void Two_directions_in_one_grid_do_not_meet()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            int groups = 1 + seed % 4, steps = 1 + seed % 7;
            var model = new ExchangeModel(Protocol.SelfValidating, groups, steps, places: 2 * groups + seed % 3, pollBudget: NoLimit, seed, directions: 2);
            Assert.True(model.Run() == Outcome.Right, $"seed {seed}: 2 × {groups} groups, {steps} steps");
        }
    }

    [Fact]
    public void Two_directions_with_too_few_places_both_leave()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            int groups = 2 + seed % 3;
            var model = new ExchangeModel(Protocol.SelfValidating, groups, steps: 2 + seed % 4, places: 1 + seed % (2 * groups - 1), pollBudget: 100, seed, directions: 2);
            Assert.Equal(Outcome.GaveUp, model.Run());
        }
    }

    [Fact]
    public void More_groups_than_places_deadlock_without_a_budget()
    {
        for (int seed = 0; seed < 20; seed++)
            Assert.Equal(Outcome.Deadlock, new ExchangeModel(Protocol.SelfValidating, groups: 4, steps: 3, places: 3, pollBudget: NoLimit, seed).Run());
    }

    [Fact]
    public void With_a_budget_they_all_leave_and_say_so()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            int groups = 2 + seed % 5;
            Assert.Equal(Outcome.GaveUp, new ExchangeModel(Protocol.SelfValidating, groups, steps: 2 + seed % 4, places: 1 + seed % (groups - 1), pollBudget: 100, seed).Run());
        }
    }

    [Fact]
    public void A_budget_that_is_too_small_never_gives_wrong_results()
    {
        var seen = new HashSet<Outcome>();
        for (int seed = 0; seed < 1000; seed++)
            seen.Add(new ExchangeModel(Protocol.SelfValidating, groups: 3, steps: 4, places: 3, pollBudget: 1 + 3 * seed, seed).Run());
        Assert.Equal([Outcome.Right, Outcome.GaveUp], seen.Order());
    }

    [Theory]
    [InlineData(Protocol.ReusedWords)]
    [InlineData(Protocol.CounterWithoutFence)]
    public void The_model_sees_a_mistaken_protocol(object protocol)
    {
        int wrong = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            if (new ExchangeModel((Protocol)protocol, groups: 4, steps: 6, places: 4, pollBudget: 100_000, seed).Run() == Outcome.Wrong)
                wrong++;
        }

        Assert.True(wrong > 50, $"only {wrong} of 200 schedules showed it");
    }
}
