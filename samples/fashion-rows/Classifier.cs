using FastRecurrence;

namespace FashionRows;

/// <summary>An LSTM reads an image row by row; a dense layer says from its last h which kind of clothing it is.</summary>
internal sealed class Classifier : IDisposable
{
    private const int T = FashionImages.Side, I = FashionImages.Side, H = 64, Kinds = 10;
    private const double LearningRate = 2e-3;

    private readonly TrainingLayer _lstm, _head;
    private readonly LayerState _state, _headState;
    private readonly TrainingTape _tape, _headTape;
    private readonly LayerGradients _gradients, _headGradients;
    private readonly Adam _adam = new(LearningRate);
    private readonly Random _random;
    private readonly int[] _batch = new int[N], _kinds = new int[N];
    private readonly float[] _x = new float[T * N * I], _h = new float[T * N * H], _scores = new float[N * Kinds], _slopes = new float[N * Kinds];
    private readonly float[] _lastGradient = new float[N * H];

    /// <summary>Images of a batch.</summary>
    public const int N = 64;

    /// <param name="backend">Where to train.</param>
    /// <param name="team">Threads, or null; the loss has the same bits.</param>
    /// <param name="seed">The same seed gives the same batches, and the same bits.</param>
    public Classifier(Backend backend, WorkerTeam? team = null, int seed = 1)
    {
        _random = new Random(seed);
        _lstm = backend.PrepareForTraining(LayerWeights.Random(LayerShape.Lstm(I, H), seed));
        _head = backend.PrepareForTraining(LayerWeights.Random(LayerShape.Dense(H, Kinds), seed + 1));
        (_state, _headState) = (_lstm.CreateState(N, team), _head.CreateState(N, team));
        (_tape, _headTape) = (_lstm.CreateTape(T, N, team), _head.CreateTape(1, N, team));
        (_gradients, _headGradients) = (_lstm.CreateGradients(), _head.CreateGradients());
    }

    /// <summary>What is trained.</summary>
    public IEnumerable<TrainingLayer> Layers => [_lstm, _head];

    /// <summary>One batch of images drawn at random.</summary>
    /// <returns>The cross-entropy before the update.</returns>
    public double Step(FashionImages images)
    {
        foreach (ref int image in _batch.AsSpan())
            image = _random.Next(images.Count);
        images.Fill(_batch, _x, _kinds);
        _state.Reset();
        _lstm.Run(_state, _tape, T, _x, _h);
        ReadOnlySpan<float> last = _h.AsSpan(^(N * H));
        _head.Run(_headState, _headTape, 1, last, _scores);
        double loss = Losses.SoftmaxCrossEntropy(_scores, _kinds, _slopes);
        _gradients.Clear();
        _headGradients.Clear();
        _head.Backward(_headTape, last, _scores, _slopes, _headGradients, new BackwardOptions { Input = _lastGradient });
        _lstm.Backward(_tape, _x, _h, default, _gradients, new BackwardOptions { FinalHidden = _lastGradient });
        LayerGradients.ClipToNorm(1, _gradients, _headGradients);
        _adam.Step(_lstm, _gradients);
        _adam.Step(_head, _headGradients);
        return loss;
    }

    /// <summary>The share of images whose kind is found; without a tape.</summary>
    public double Accuracy(FashionImages images)
    {
        int right = 0, tested = images.Count / N * N;
        for (int first = 0; first < tested; first += N)
        {
            for (int n = 0; n < N; n++)
                _batch[n] = first + n;
            images.Fill(_batch, _x, _kinds);
            _state.Reset();
            _lstm.Layer.Run(_state, T, _x, _h);
            _head.Layer.Run(_headState, 1, _h.AsSpan(^(N * H)), _scores);
            for (int n = 0; n < N; n++)
            {
                ReadOnlySpan<float> scores = _scores.AsSpan(n * Kinds, Kinds);
                int best = 0;
                for (int kind = 1; kind < Kinds; kind++)
                    best = scores[kind] > scores[best] ? kind : best;
                right += best == _kinds[n] ? 1 : 0;
            }
        }

        return (double)right / tested;
    }

    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[_state, _headState, _tape, _headTape, _lstm, _head])
            part.Dispose();
    }
}
