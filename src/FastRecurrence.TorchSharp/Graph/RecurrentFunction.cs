using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>
/// The node of torch's graph that stands for a run. Arguments are the run, x, h0, c0 and the parameters; the run has computed its outputs before. There is
/// one object of this type for all nodes, so that what belongs to a node is in its context.
/// </summary>
internal sealed class RecurrentFunction : autograd.MultiTensorFunction<RecurrentFunction>
{
    private const string Run = "run";

    public override string Name => nameof(RecurrentFunction);

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var run = (GraphRun)vars[0];
        ctx.set_materialize_grads(false);
        ctx.save_data(Run, run);
        // Torch then knows when somebody has changed x in place.
        ctx.save_for_backward([run.Input]);
        return [.. run.Outputs];
    }

    /// <summary>
    /// No exception may leave: it would have to pass through libtorch, and ends the process. What fails gives gradients that torch refuses, so that an
    /// exception comes out of <c>backward</c>, and the module says why.
    /// </summary>
    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        var run = (GraphRun)ctx.get_data(Run);
        List<Tensor> saved = [];
        try
        {
            if (is_grad_enabled())
            {
                throw new NotSupportedException(
                    "gradients of gradients (create_graph: true) are not supported. Use the module of torch.nn where a loss has gradients in it.");
            }

            saved = ctx.get_saved_variables();
            return run.Backward(saved[0], grad_outputs);
        }
        catch (Exception e)
        {
            return run.Refuse($"{e.GetType().Name}: {e.Message}");
        }
        finally
        {
            saved.ForEach(t => t.Dispose());
            grad_outputs.ForEach(t => t?.Dispose());
        }
    }
}
