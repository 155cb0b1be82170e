using FastRecurrence;

namespace AddingProblem;

/// <summary>
/// The adding problem (Hochreiter and Schmidhuber 1997): each step has a random number in 0..1 and a mark; two steps are marked, one in each half, and the
/// answer is the sum of their numbers. Who always answers 1 has a mean squared error of 1/6 = 0.167; to do better, a net must carry a number over many steps.
/// </summary>
internal sealed class Adding : IDisposable
{
    private const int T = 50, N = 32, I = 2, H = 64;
    private const double LearningRate = 4e-3, LargestNorm = 1;

    private readonly Random _random;
    private readonly TrainingLayer _lstm, _head;
    private readonly LayerState _state, _headState;
    private readonly TrainingTape _tape, _headTape;
    private readonly LayerGradients _gradients, _headGradients;
    private readonly Adam _adam = new(LearningRate);
    private readonly float[] _x = new float[T * N * I], _h = new float[T * N * H];
    private readonly float[] _answers = new float[N], _sums = new float[N], _lastGradient = new float[N * H];

    /// <param name="backend">Where to train.</param>
    /// <param name="team">Threads, or null; the loss has the same bits.</param>
    /// <param name="seed">The same seed gives the same numbers, and the same bits.</param>
    public Adding(Backend backend, WorkerTeam? team = null, int seed = 1)
    {
        _random = new Random(seed);
        LayerWeights random = LayerWeights.Random(LayerShape.Lstm(I, H), seed);
        float[] bias = random.Bias.ToArray();
        bias.AsSpan(H, H).Fill(1); // the forget gate starts open, so that gradients reach far back
        _lstm = backend.PrepareForTraining(new LayerWeights(random.Shape, random.InputWeights, random.RecurrentWeights, bias));
        _head = backend.PrepareForTraining(LayerWeights.Random(LayerShape.Dense(H, 1), seed + 1));
        (_state, _headState) = (_lstm.CreateState(N, team), _head.CreateState(N, team));
        (_tape, _headTape) = (_lstm.CreateTape(T, N, team), _head.CreateTape(1, N, team));
        (_gradients, _headGradients) = (_lstm.CreateGradients(), _head.CreateGradients());
    }

    /// <summary>What is trained.</summary>
    public IEnumerable<TrainingLayer> Layers => [_lstm, _head];

    /// <summary>One batch: forward, loss, backward, update.</summary>
    /// <returns>The mean squared error before the update.</returns>
    public double Step()
    {
        Draw();
        _state.Reset();
        _lstm.Run(_state, _tape, T, _x, _h);
        ReadOnlySpan<float> last = _h.AsSpan(^(N * H)); // h [T, N, H]: its last step
        _head.Run(_headState, _headTape, 1, last, _answers);

        var difference = new float[N];
        double loss = Losses.SquaredError(_answers, _sums, difference);
        _gradients.Clear();
        _headGradients.Clear();
        _head.Backward(_headTape, last, _answers, difference, _headGradients, new BackwardOptions { Input = _lastGradient });
        _lstm.Backward(_tape, _x, _h, default, _gradients, new BackwardOptions { FinalHidden = _lastGradient });

        LayerGradients.ClipToNorm(LargestNorm, _gradients, _headGradients);
        _adam.Step(_lstm, _gradients);
        _adam.Step(_head, _headGradients);
        return loss;
    }

    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[_state, _headState, _tape, _headTape, _lstm, _head])
            part.Dispose();
    }

    /// <summary>x [T, N, 2] and the sum of each row's marked numbers.</summary>
    private void Draw()
    {
        for (int n = 0; n < N; n++)
        {
            int first = _random.Next(T / 2), second = T / 2 + _random.Next(T / 2);
            _sums[n] = 0;
            for (int t = 0; t < T; t++)
            {
                bool marked = t == first || t == second;
                float number = _random.NextSingle();
                (_x[(t * N + n) * I], _x[(t * N + n) * I + 1]) = (number, marked ? 1 : 0);
                _sums[n] += marked ? number : 0;
            }
        }
    }
}
