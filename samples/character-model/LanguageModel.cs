using FastRecurrence;

namespace CharacterModel;

/// <summary>
/// An LSTM that reads a text character by character, and a dense layer that guesses the next one. Rows read on where the step before ended, with the state that
/// it left: backpropagation is truncated, the memory is not.
/// </summary>
internal sealed class LanguageModel : IDisposable
{
    private const int T = 64, N = 32, H = 128;
    private const double LearningRate = 4e-3;

    private readonly Characters _text;
    private readonly TrainingStack _stack;
    private readonly StackState _state;
    private readonly StackTape _tape;
    private readonly LayerGradients[] _gradients;
    private readonly Adam _adam = new(LearningRate);
    private readonly int[] _x = new int[T * N], _next = new int[T * N];
    private readonly float[] _scores, _slopes;
    private int _place;

    /// <param name="text">What to learn.</param>
    /// <param name="backend">Where to train.</param>
    /// <param name="team">Threads, or null; the loss has the same bits.</param>
    /// <param name="seed">The same seed gives the same bits.</param>
    public LanguageModel(Characters text, Backend backend, WorkerTeam? team = null, int seed = 1)
    {
        int symbols = text.Alphabet.Length;
        _text = text;
        _stack = new TrainingStack(backend, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(symbols, H), seed)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Dense(H, symbols), seed + 1)));
        (_state, _tape, _gradients) = (_stack.CreateState(N, team), _stack.CreateTape(T, N, team), _stack.CreateGradients());
        (_scores, _slopes) = (new float[T * N * symbols], new float[T * N * symbols]);
    }

    /// <summary>What is trained.</summary>
    public IEnumerable<TrainingLayer> Layers => _stack.Layers;

    /// <summary>The next T characters of every row.</summary>
    /// <returns>Bits a character before the update.</returns>
    public double Step()
    {
        int length = _text.Seen.Length / N;
        if (_place + T >= length)
        {
            _place = 0;
            _state.Reset();
        }

        for (int t = 0; t < T; t++)
        {
            for (int n = 0; n < N; n++)
                (_x[t * N + n], _next[t * N + n]) = (_text.Seen[n * length + _place + t], _text.Seen[n * length + _place + t + 1]);
        }

        _place += T;
        _stack.Run(_state, _tape, T, default, _scores, new StackOptions { OneHotInput = _x });
        double loss = Losses.SoftmaxCrossEntropy(_scores, _next, _slopes);
        foreach (LayerGradients gradients in _gradients)
            gradients.Clear();
        _stack.Backward(_tape, default, _slopes, _gradients, new BackwardOptions { OneHotInput = _x });
        LayerGradients.ClipToNorm(1, _gradients);
        _adam.Step(_stack, _gradients);
        return loss / Math.Log(2);
    }

    /// <summary>Bits a character of the text that it has not seen.</summary>
    public double Test(int characters)
    {
        int count = Math.Min(characters, _text.Unseen.Length - 1), symbols = _text.Alphabet.Length;
        using StackState state = _stack.CreateState(1);
        var scores = new float[count * symbols];
        _stack.Stack.Run(state, count, default, scores, new StackOptions { OneHotInput = _text.Unseen.AsSpan(0, count) });
        return Losses.SoftmaxCrossEntropy(scores, _text.Unseen.AsSpan(1, count), default) / Math.Log(2);
    }

    /// <summary>Text that it makes up, each character drawn as likely as it thinks it is.</summary>
    public string Write(int characters, int seed)
    {
        var random = new Random(seed);
        using StackState state = _stack.CreateState(1);
        float[] scores = new float[_text.Alphabet.Length];
        int[] last = [_text.Alphabet.IndexOf('\n', StringComparison.Ordinal)];
        last[0] = Math.Max(last[0], 0);
        var written = new char[characters];
        for (int i = 0; i < characters; i++)
        {
            _stack.Stack.Run(state, 1, default, scores, new StackOptions { OneHotInput = last });
            last[0] = Draw(scores, random.NextDouble());
            written[i] = _text.Alphabet[last[0]];
        }

        return new string(written);
    }

    public void Dispose()
    {
        _tape.Dispose();
        _state.Dispose();
        _stack.Dispose();
    }

    private static int Draw(float[] scores, double share)
    {
        double highest = scores.Max(), sum = scores.Sum(s => Math.Exp(s - highest)), left = share * sum;
        for (int i = 0; i < scores.Length - 1; i++)
        {
            left -= Math.Exp(scores[i] - highest);
            if (left < 0)
                return i;
        }

        return scores.Length - 1;
    }
}
