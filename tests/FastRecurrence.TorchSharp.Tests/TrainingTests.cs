using FastRecurrence.TorchSharp;
using TorchSharp;
using static TorchSharp.torch;
using Linear = TorchSharp.Modules.Linear;
using Parameter = TorchSharp.Modules.Parameter;

namespace FastRecurrence.TorchTests;

/// <summary>Modules in programs: state dicts, optimizers, modes, memory.</summary>
public class TrainingTests
{
    [Theory, InlineData("lstm"), InlineData("gru"), InlineData("rnn")]
    public void State_dicts_load_both_ways(string cell)
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        foreach (ModuleCase form in (ModuleCase[])[new(cell), new(cell, Layers: 2, Both: true), new(cell, Bias: false)])
        {
            (Runner own, Runner torch) = (form.Fast(), form.Torch());
            Assert.Equal(torch.Module.state_dict().Keys, own.Module.state_dict().Keys);
            Assert.Equal(torch.Module.named_parameters().Select(p => p.name), own.Module.named_parameters().Select(p => p.name));
            Tensor x = form.Input();
            torch.Module.load_state_dict(own.Module.state_dict());
            Near.Equal(own.Call(x, null, null)[0], torch.Call(x, null, null)[0], $"{form}, loaded by torch");
            Runner another = form.Torch();
            own.Module.load_state_dict(another.Module.state_dict());
            Near.Equal(another.Call(x, null, null)[0], own.Call(x, null, null)[0], $"{form}, loaded from torch");
        }
    }

    [Theory, InlineData("lstm"), InlineData("gru"), InlineData("rnn")]
    public void A_training_loop_goes_as_with_torch_and_its_loss_falls(string cell)
    {
        Libtorch.Require();
        var form = new ModuleCase(cell, Layers: 2, BatchFirst: true);
        var losses = new List<List<float>>();
        foreach (bool isOwn in (bool[])[false, true])
        {
            using var scope = NewDisposeScope();
            manual_seed(3);
            Runner torch = form.Torch(), own = form.Fast(), runner = isOwn ? own : torch;
            own.Module.load_state_dict(torch.Module.state_dict());
            using var head = nn.Linear(ModuleCase.H, 1);
            using var adam = optim.Adam(runner.Module.parameters().Concat(head.parameters()), 0.01);
            Tensor x = randn(32, 10, ModuleCase.I), target = x.sum(2).cumsum(1).unsqueeze(2) * 0.2;
            var course = new List<float>();
            for (int step = 0; step < 60; step++)
            {
                using var inner = NewDisposeScope();
                adam.zero_grad();
                Tensor loss = nn.functional.mse_loss(head.call(runner.Call(x, null, null)[0]), target);
                loss.backward();
                adam.step();
                course.Add(loss.item<float>());
            }

            losses.Add(course);
        }

        Assert.True(losses[1][^1] < 0.3 * losses[1][0], $"the loss went from {losses[1][0]} to {losses[1][^1]}");
        for (int step = 0; step < 20; step++)
            Assert.True(Math.Abs(losses[0][step] - losses[1][step]) <= 1e-3 * losses[0][step], $"step {step}: torch {losses[0][step]}, own {losses[1][step]}");
    }

    [Fact]
    public void A_module_may_be_a_part_of_another()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var net = new Net();
        Assert.Contains("lstm.weight_ih_l0", net.state_dict().Keys);
        Tensor x = randn(2, 6, 3);
        using var sgd = optim.SGD(net.parameters(), 0.1);
        net.call(x).square().mean().backward();
        Tensor before = net.get_parameter("lstm.weight_hh_l0")!.detach().clone();
        sgd.step();
        Assert.False(Near.Same(before, net.get_parameter("lstm.weight_hh_l0")!));
    }

    [Fact]
    public void Frozen_parameters_get_no_gradient_and_the_others_theirs()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("gru", Layers: 2);
        Runner own = form.Fast();
        Tensor x = form.Input();
        own.Call(x, null, null)[0].sum().backward();
        var all = own.Gradients().ToDictionary(g => g.Name, g => g.Gradient!.clone());
        own.Module.zero_grad();
        foreach ((string name, Parameter parameter) in own.Module.named_parameters())
            parameter.requires_grad = name.EndsWith("_l1", StringComparison.Ordinal);
        own.Call(x.detach(), null, null)[0].sum().backward();
        foreach ((string name, Tensor? gradient) in own.Gradients())
        {
            if (name.EndsWith("_l1", StringComparison.Ordinal))
                Near.Bits(all[name], gradient!, name);
            else
                Assert.True(gradient is null, $"{name} has a gradient");
        }
    }

    [Fact]
    public void Runs_without_gradients_have_the_same_bits()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("lstm", Layers: 2, Both: true);
        Runner own = form.Fast();
        Tensor x = form.Input();
        Tensor[] recorded = own.Call(x, null, null);
        Assert.True(recorded[0].requires_grad);
        using (no_grad())
        {
            Tensor[] plain = own.Call(x, null, null);
            Assert.False(plain[0].requires_grad);
            for (int i = 0; i < plain.Length; i++)
                Near.Bits(recorded[i], plain[i], $"output {i}");
        }
    }

    [Fact]
    public void Dropout_is_for_training_alone_and_comes_from_torchs_generator()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("lstm", Layers: 2, Dropout: 0.5);
        Runner own = form.Fast(), torch = form.Torch();
        own.Module.load_state_dict(torch.Module.state_dict());
        Tensor x = form.Input();
        Tensor Seeded(long seed)
        {
            manual_seed(seed);
            return own.Call(x, null, null)[0];
        }

        Tensor first = Seeded(1);
        Near.Bits(first, Seeded(1), "the same seed");
        Assert.False(Near.Same(first, Seeded(2)));
        own.Module.eval();
        torch.Module.eval();
        Near.Equal(torch.Call(x, null, null)[0], own.Call(x, null, null)[0], "without training");
        own.Module.train();

        // The gradient is that of the masked function: a small step along it changes the loss as much as it says.
        Tensor loss = Seeded(1).sum();
        loss.backward();
        Tensor direction = x.grad! / x.grad!.norm();
        double expected = x.grad!.norm().item<float>(), step = 1e-2;
        using (no_grad())
        {
            Tensor up = x + direction * step, down = x - direction * step;
            manual_seed(1);
            double above = own.Call(up, null, null)[0].sum().item<float>();
            manual_seed(1);
            double below = own.Call(down, null, null)[0].sum().item<float>();
            Assert.Equal(expected, (above - below) / (2 * step), tolerance: 0.01 * expected);
        }
    }

    [Fact]
    public void A_graph_may_be_gone_back_twice()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("lstm", Layers: 2, Dropout: 0.3);
        Runner own = form.Fast();
        Tensor x = form.Input(), h = form.State(), c = form.State(), loss = own.Call(x, h, c)[0].sin().sum();
        loss.backward(retain_graph: true);
        Tensor once = x.grad!.clone();
        var weights = own.Gradients().ToDictionary(g => g.Name, g => g.Gradient!.clone());
        loss.backward();
        Near.Equal(2 * once, x.grad, "x");
        foreach ((string name, Tensor? gradient) in own.Gradients())
            Near.Equal(2 * weights[name], gradient, name);
    }

    [Fact]
    public void Several_runs_wait_in_one_graph_for_one_backward_pass()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("gru");
        (Runner own, Runner torch) = (form.Fast(), form.Torch());
        own.Module.load_state_dict(torch.Module.state_dict());
        Tensor x = form.Input();
        foreach (Runner runner in (Runner[])[torch, own])
        {
            Tensor? h = null;
            Tensor sum = zeros(1);
            for (int chunk = 0; chunk < 3; chunk++)
            {
                Tensor[] o = runner.Call(x, h, null);
                (h, sum) = (o[1], sum + o[0].sin().sum());
            }

            sum.backward();
        }

        foreach (((string name, Tensor? gradient), (string _, Tensor? actual)) in torch.Gradients().Zip(own.Gradients()))
            Near.Equal(gradient!, actual, name);
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        Libtorch.Require();
        using var outer = NewDisposeScope();
        var form = new ModuleCase("lstm", Layers: 2, Both: true, BatchFirst: true);
        Runner own = form.Fast();
        Tensor x = form.Input();
        void Step()
        {
            using var scope = NewDisposeScope();
            own.Module.zero_grad();
            x.grad?.zero_();
            // All outputs: TorchSharp never stops counting the wrapper of a gradient that is not there.
            own.Call(x.transpose(0, 1).contiguous().transpose(0, 1), null, null).Select(o => o.sum()).Aggregate((a, b) => a + b).backward();
        }

        for (int i = 0; i < 3; i++)
            Step();
        long alive = Alive();
        for (int i = 0; i < 30; i++)
            Step();
        Assert.InRange(Alive(), 0, alive + 4);
    }

    [Fact]
    public void Graphs_that_nobody_goes_back_over_give_their_memory_back()
    {
        Libtorch.Require();
        using var outer = NewDisposeScope();
        Runner own = new ModuleCase("lstm").Fast();
        Tensor x = randn(100, 64, ModuleCase.I);
        void Drop()
        {
            using var scope = NewDisposeScope();
            own.Call(x, null, null);
        }

        long before = 0;
        for (int i = 0; i < 200; i++)
        {
            Drop();
            if (i % 50 != 49)
                continue;
            GC.Collect();
            GC.WaitForPendingFinalizers();
            if (i < 100)
                before = Environment.WorkingSet;
        }

        // 150 tapes of 2.6 MB would be 390 MB.
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 150L << 20);
    }

    private static long Alive()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return Tensor.TotalCount;
    }

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly FastLstm _lstm = new(3, 8, batchFirst: true);
        private readonly Linear _head = nn.Linear(8, 1);

        public Net()
            : base(nameof(Net))
        {
            register_module("lstm", _lstm);
            register_module("head", _head);
        }

        public override Tensor forward(Tensor input) => _head.call(_lstm.call(input).Item1);
    }
}
