using FastRecurrence.Onnx;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>A node of two directions whose second half cannot be had gives the first back, and goes on afterwards.</summary>
public sealed class OnnxLeakTests
{
    private const int I = 3, H = 2;

    /// <summary>Fails at the layer or state that it is told to, and counts what lives.</summary>
    private sealed class Scarce() : Backend("scarce", "has room for so many", null)
    {
        public int LayersLeft { get; set; } = int.MaxValue;

        public int StatesLeft { get; set; } = int.MaxValue;

        public int Layers { get; private set; }

        public int States { get; private set; }

        private protected override RecurrentLayer PrepareCore(LayerWeights weights)
        {
            if (LayersLeft-- <= 0)
                throw new InsufficientMemoryException("no room for a layer");
            return new Layer(weights, this);
        }

        private sealed class Layer : RecurrentLayer
        {
            private readonly Scarce _backend;

            public Layer(LayerWeights weights, Scarce backend)
                : base(weights.Shape, backend)
            {
                _backend = backend;
                backend.Layers++;
            }

            private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
            {
                if (_backend.StatesLeft-- <= 0)
                    throw new InsufficientMemoryException("no room for a state");
                return new State(this, batchSize, _backend);
            }

            private protected override void RunCore(LayerState state, in SortedSequence sequence) => sequence.Output.Fill(state.BatchSize);

            private protected override void DisposeCore() => _backend.Layers--;
        }

        private sealed class State : LayerState
        {
            private readonly Scarce _backend;

            public State(Layer layer, int batchSize, Scarce backend)
                : base(layer, batchSize)
            {
                _backend = backend;
                backend.States++;
            }

            private protected override void ResetCore()
            {
            }

            private protected override void CopyCore(bool cell, Span<float> destination) => destination.Clear();

            private protected override void SetCore(bool cell, ReadOnlySpan<float> source)
            {
            }

            private protected override void DisposeCore() => _backend.States--;
        }
    }

    private static OnnxLayer TwoDirections() => Lstm(model =>
    {
        model.Rnn().With(Text("direction", "bidirectional"));
        foreach ((string name, long[] shape) in (ReadOnlySpan<(string, long[])>)[("W", [2, 8, 3]), ("R", [2, 8, 2]), ("B", [2, 16])])
        {
            model.Graph.Initializer.Remove(model.Stored(name));
            model.Graph.Initializer.Add(Floats(name, shape));
        }
    }).Load().RequireLayers()[0];

    [Fact]
    public void A_second_direction_that_cannot_be_prepared_leaves_no_layer()
    {
        var backend = new Scarce { LayersLeft = 1 };
        Assert.Throws<InsufficientMemoryException>(() => TwoDirections().Prepare(backend));
        Assert.Equal(0, backend.Layers);
    }

    [Fact]
    public void A_second_state_that_cannot_be_made_leaves_none_and_the_next_call_runs()
    {
        var backend = new Scarce();
        OnnxOperator node = TwoDirections().Prepare(backend);
        float[] y = new float[2 * 2 * 4 * H];
        void Run(int rows) => node.Run(new OnnxInputs(2, rows, new float[2 * rows * I]), new OnnxOutputs { Y = y.AsSpan(0, 2 * 2 * rows * H) });
        Run(4);
        Assert.Equal(2, backend.States);
        backend.StatesLeft = 1;
        Assert.Throws<InsufficientMemoryException>(() => Run(3));
        Assert.Equal(0, backend.States);
        backend.StatesLeft = int.MaxValue;
        Run(4);
        Assert.All(y, v => Assert.Equal(4f, v));
        node.Dispose();
        Assert.Equal((0, 0), (backend.States, backend.Layers));
    }
}
