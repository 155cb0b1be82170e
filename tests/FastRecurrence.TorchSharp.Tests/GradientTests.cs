using FastRecurrence.TorchSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchTests;

/// <summary>Outputs and gradients of each module beside torch's own.</summary>
public class GradientTests
{
    public static TheoryData<ModuleCase> Cases =>
    [
        .. from cell in (string[])["lstm", "gru", "rnn", "relu"]
           from form in (ModuleCase[])
           [
               new(cell), new(cell, Bias: false), new(cell, BatchFirst: true), new(cell, Both: true), new(cell, Layers: 3),
               new(cell, Layers: 2, Both: true, BatchFirst: true),
           ]
           select form,
    ];

    [Theory, MemberData(nameof(Cases))]
    public void Outputs_and_all_gradients_are_those_of_torch(ModuleCase form)
    {
        Libtorch.Require();
        foreach (bool given in (bool[])[false, true])
        {
            using var scope = NewDisposeScope();
            (Runner own, Runner torch) = Pair(form);
            Tensor x = form.Input(), h = form.State(), c = form.State();
            Tensor[] weights = [];
            Tensor[]? expected = null;
            foreach (Runner runner in (Runner[])[torch, own])
            {
                Zero([x, h, c]);
                Tensor[] outputs = runner.Call(x, given ? h : null, given && form.HasCell ? c : null);
                weights = weights.Length > 0 ? weights : [.. outputs.Select(o => randn(o.shape))];
                outputs.Zip(weights).Select(p => (p.First * p.Second).sum()).Aggregate((a, b) => a + b).backward();
                Tensor[] found = [.. outputs.Select(o => o.detach()), .. Found([x, .. given ? [h] : Array.Empty<Tensor>(), .. given && form.HasCell ? [c] : Array.Empty<Tensor>()])];
                if (expected is not null)
                {
                    for (int i = 0; i < found.Length; i++)
                        Near.Equal(expected[i], found[i], $"{form}, result {i}");
                }

                expected ??= found;
            }

            foreach (((string name, Tensor? gradient), (string _, Tensor? actual)) in torch.Gradients().Zip(own.Gradients()))
                Near.Equal(gradient!, actual, $"{form}: {name}");
        }
    }

    [Theory, InlineData("lstm"), InlineData("gru"), InlineData("rnn")]
    public void A_loss_of_final_states_alone_or_of_outputs_alone_is_enough(string cell)
    {
        Libtorch.Require();
        var form = new ModuleCase(cell, Layers: 2, Both: true);
        for (int used = 0; used < (form.HasCell ? 3 : 2); used++)
        {
            using var scope = NewDisposeScope();
            (Runner own, Runner torch) = Pair(form);
            Tensor x = form.Input();
            foreach (Runner runner in (Runner[])[torch, own])
                runner.Call(x, null, null)[used].sin().sum().backward();
            foreach (((string name, Tensor? gradient), (string _, Tensor? actual)) in torch.Gradients().Zip(own.Gradients()))
                Near.Equal(gradient ?? zeros(actual?.shape ?? [1]), actual ?? zeros(gradient?.shape ?? [1]), $"{form}, output {used}: {name}");
        }
    }

    [Theory, InlineData("lstm"), InlineData("gru"), InlineData("rnn")]
    public void Packed_sequences_are_those_of_torch(string cell)
    {
        Libtorch.Require();
        foreach (bool sorted in (bool[])[true, false])
        {
            using var scope = NewDisposeScope();
            var form = new ModuleCase(cell, Layers: 2, Both: true);
            (Runner own, Runner torch) = Pair(form);
            Tensor x = form.Input(), h = form.State(), c = form.State();
            using Tensor lengths = tensor(sorted ? (long[])[7, 4, 2] : [3, 7, 1]);
            Tensor? y = null, dx = null;
            Tensor[]? states = null;
            foreach (Runner runner in (Runner[])[torch, own])
            {
                Zero([x, h, c]);
                var packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted: sorted);
                (nn.utils.rnn.PackedSequence output, Tensor[] last) = runner.CallPacked(packed, h, form.HasCell ? c : null);
                Tensor padded = nn.utils.rnn.pad_packed_sequence(output).Item1;
                (padded.sin().sum() + last.Select(s => (s * s).sum()).Aggregate((a, b) => a + b)).backward();
                if (y is not null)
                {
                    Near.Equal(y, padded, $"{cell}: y");
                    Near.Equal(dx!, x.grad, $"{cell}: x");
                    for (int i = 0; i < last.Length; i++)
                        Near.Equal(states![i], last[i], $"{cell}: state {i}");
                }

                (y, dx, states) = (padded.detach(), x.grad!.clone(), [.. last.Select(s => s.detach())]);
            }

            foreach (((string name, Tensor? gradient), (string _, Tensor? actual)) in torch.Gradients().Zip(own.Gradients()))
                Near.Equal(gradient!, actual, $"{cell}: {name}");
        }
    }

    [Fact]
    public void A_projection_is_one_of_the_core()
    {
        // TorchSharp's nn.LSTM has no proj_size, so the equation is written out: h' = W_hr (o * tanh c').
        Libtorch.Require();
        using var scope = NewDisposeScope();
        const int P = 4, I = ModuleCase.I, H = ModuleCase.H, N = ModuleCase.N, T = ModuleCase.T;
        using var lstm = new FastLstm(I, H, projSize: P);
        Dictionary<string, Tensor> w = lstm.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        Assert.Equal([P, H], w["weight_hr_l0"].shape);
        Tensor x = randn(T, N, I), h = zeros(N, P), c = zeros(N, H), sum = zeros(1);
        (Tensor y, Tensor hn, Tensor cn) = lstm.call(x);
        for (int t = 0; t < T; t++)
        {
            Tensor[] gates = (x[t].matmul(w["weight_ih_l0"].t()) + w["bias_ih_l0"] + h.matmul(w["weight_hh_l0"].t()) + w["bias_hh_l0"]).chunk(4, 1);
            c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
            h = (gates[3].sigmoid() * c.tanh()).matmul(w["weight_hr_l0"].t());
            Near.Equal(h, y[t], $"h of step {t}");
            sum = sum + (h * (t + 1)).sum();
        }

        Near.Equal(c.unsqueeze(0), cn, "c");
        Near.Equal(h.unsqueeze(0), hn, "h");
        sum.backward();
        var expected = w.ToDictionary(p => p.Key, p => p.Value.grad!.clone());
        lstm.zero_grad();
        (y * (arange(T) + 1).view(T, 1, 1)).sum().backward();
        foreach ((string name, Tensor gradient) in expected)
            Near.Equal(gradient, w[name].grad, name);
    }

    [Fact]
    public void One_sequence_needs_no_batch()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("lstm", Layers: 2, BatchFirst: true);
        Runner own = form.Fast();
        Tensor x = form.Input(), h = form.State(), c = form.State();
        Tensor[] batch = own.Call(x, h, c), one = own.Call(x[1], h[.., 1], c[.., 1]);
        Near.Bits(batch[0][1], one[0], "y");
        Near.Bits(batch[1][.., 1], one[1], "h");
        Near.Bits(batch[2][.., 1], one[2], "c");
        one[0].sum().backward();
        Tensor alone = x.grad!.clone();
        Zero([x]);
        batch[0][1].sum().backward();
        Near.Equal(x.grad!, alone, "x");
    }

    [Fact]
    public void Memory_that_is_not_contiguous_is_copied()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var form = new ModuleCase("gru");
        Runner own = form.Fast();
        Tensor x = randn(ModuleCase.N, ModuleCase.T, ModuleCase.I).requires_grad_(true), turned = x.transpose(0, 1);
        Assert.False(turned.is_contiguous());
        Tensor y = own.Call(turned, null, null)[0];
        Near.Bits(own.Call(turned.contiguous(), null, null)[0], y, "y");
        // The gradient of a sum is expanded from one number: not contiguous either.
        y.sum().backward();
        Tensor copy = turned.detach().contiguous().requires_grad_(true);
        own.Call(copy, null, null)[0].sum().backward();
        Near.Bits(copy.grad!.transpose(0, 1).contiguous(), x.grad!, "x");
    }

    [Fact]
    public void A_team_changes_no_bit()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var team = new WorkerTeam(2);
        using var lstm = new FastLstm(64, 128, bidirectional: true);
        Tensor x = randn(12, 32, 64);
        Tensor[] Step()
        {
            lstm.zero_grad();
            Tensor y = lstm.call(x).Item1;
            y.sin().sum().backward();
            return [y.detach(), .. lstm.parameters().Select(p => p.grad!.clone())];
        }

        Tensor[] alone = Step();
        lstm.Team = team;
        foreach ((Tensor expected, Tensor actual) in alone.Zip(Step()))
            Near.Bits(expected, actual, "with a team");
        lstm.Team = null;
    }

    /// <summary>Both modules with the same weights.</summary>
    private static (Runner Own, Runner Torch) Pair(ModuleCase form)
    {
        manual_seed(7);
        (Runner own, Runner torch) = (form.Fast(), form.Torch());
        own.Module.load_state_dict(torch.Module.state_dict());
        return (own, torch);
    }

    private static void Zero(Tensor[] leaves)
    {
        foreach (Tensor leaf in leaves)
            leaf.grad?.zero_();
    }

    private static IEnumerable<Tensor> Found(IEnumerable<Tensor> leaves) => leaves.Select(leaf => leaf.grad!.clone());
}
