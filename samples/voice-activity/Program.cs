using System.Diagnostics;
using System.Globalization;
using FastRecurrence;

namespace VoiceActivity;

/// <summary>Where is speech in a recording? Silero VAD, its LSTM through FastRecurrence's stream.</summary>
/// <remarks><c>dotnet run --project samples/voice-activity -c Release -- MODEL.onnx RECORDING.wav [--golden PROBABILITIES.csv]</c></remarks>
internal static class Program
{
    private static int Main(string[] args)
    {
        int golden = Array.IndexOf(args, "--golden");
        if (args.Length != (golden < 0 ? 2 : 4) || golden is 0 or 1 or 3)
        {
            Console.Error.WriteLine("usage: voice-activity MODEL.onnx RECORDING.wav [--golden PROBABILITIES.csv]");
            return 2;
        }

        try
        {
            float[] samples = WavFile.Read(args[1]);
            using var vad = new SileroVad(args[0], Backend.Simd);
            var probabilities = new float[samples.Length / SileroVad.ChunkSamples];
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < probabilities.Length; i++)
                probabilities[i] = vad.Next(samples.AsSpan(i * SileroVad.ChunkSamples, SileroVad.ChunkSamples));
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, audio = (double)samples.Length / WavFile.SampleRate;

            double Time(int chunk) => (double)chunk * SileroVad.ChunkSamples / WavFile.SampleRate;
            foreach ((int from, int to) in Speech.Segments(probabilities))
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"speech {Time(from),7:f2} s to {Time(to),7:f2} s"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{audio:f1} s of audio in {seconds:f2} s: real-time factor {seconds / audio:f4} ({Backend.Simd.Description})"));
            return golden < 0 ? 0 : Speech.CheckGolden(probabilities, args[3]);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ModelFormatException or NotSupportedException or BackendUnavailableException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}
