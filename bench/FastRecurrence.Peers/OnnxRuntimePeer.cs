using FastRecurrence.TestKit.Stacks;
using Microsoft.ML.OnnxRuntime;

namespace FastRecurrence.Peers;

/// <summary>ONNX Runtime on the CPU.</summary>
internal sealed class OnnxRuntimePeer : IPeer
{
    public string Name => "onnxruntime";

    public string Version => OrtEnv.Instance().GetVersionString();

    public IRunner Create(StackData data, int threads)
    {
        LayerShape shape = data.Size.Shape;
        bool isTanhElman = shape.Cell == CellKind.Elman && shape.Activation == Activation.Tanh;
        if (!data.Size.IsPlain || (shape.Cell != CellKind.Lstm && !isTanhElman) || shape.InputSize == 0)
            throw new NotSupportedException($"{Name} is set up for one LSTM or tanh Elman layer, forward, with an input; not for such as {data.Size}.");
        LayerNumbers layer = data.Layers[0][0];
        return new Runner(new OnnxRuntimeModel(layer.Weights, data.Size.SequenceLength, data.Size.BatchSize, threads, data.Input, layer.Hidden, layer.Cell), data.Size.SequenceLength);
    }

    private sealed class Runner(OnnxRuntimeModel model, int steps) : IRunner
    {
        public Func<int, double>? Kernels => null;

        public ReadOnlySpan<float> Output => model.Output;

        /// <summary>Nothing to do: every call starts from the problem's own state.</summary>
        public void Restart()
        {
        }

        public void Run(int count)
        {
            if (count != steps)
                throw new NotSupportedException($"The model is bound to {steps} steps.");
            model.Run();
        }

        public void Dispose() => model.Dispose();
    }
}
