using System.Text;
using FastRecurrence.Cli.Tests.Tool;
using FastRecurrence.TestKit.Fuzzing;
using VoiceActivity;

namespace FastRecurrence.Cli.Tests.BadInputs;

/// <summary>Wrong files for the tool and the sample, by the catalogue's numbers 55 to 71; the rest is the library's.</summary>
internal static class ToolCalls
{
    public static IEnumerable<BadCall> All()
    {
        // Permissions do not hold back an administrator; a file that fails when it is read holds back everyone.
        if (OperatingSystem.IsLinux())
            yield return new(58, "a file that cannot be read", () => ToolRun.Of("inspect", "/proc/self/mem").AssertFailsInOneLine(1, "cannot read '/proc/self/mem'"));
        yield return new(64, "44.1 kHz stereo float WAV", () => Wav(Fmt(3, 2, 44100, 32), Data(8)), typeof(InvalidDataException), "44100 Hz", "2 channels", "float", "16000 Hz");
        yield return new(65, "data size 0xFFFFFFFF: what is there is read", () => Assert.Equal(4, Wav(Fmt(1, 1, 16000, 16), Data(8, 0xFFFFFFFF)).Length));
        yield return new(65, "a WAV without data", () => Wav(Fmt(1, 1, 16000, 16), []), typeof(InvalidDataException), "no data");
        yield return new(65, "a WAV cut in its header", () => Wav([], [], cut: 5), typeof(InvalidDataException), "no WAV file");
        yield return new(66, ".npz with pickles", () => Inspect("arrays.npz", [.. "PK\u0003\u0004arr_0.npy"u8]).AssertFailsInOneLine(1, "zip"));
        yield return new(67, "a long path that is not ASCII", () =>
        {
            ToolRun run = Inspect(string.Join('/', Enumerable.Repeat(new string('ä', 40) + "語 и", 5)) + "/модель.onnx", FuzzSeeds.Onnx());
            Assert.Equal(0, run.ExitCode);
            Assert.Contains("модель.onnx", run.Output);
        });
    }

    private static ToolRun Inspect(string name, byte[] bytes)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string path = Path.Combine(folder.FullName, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
            return ToolRun.Of("inspect", path);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static float[] Wav(byte[] format, byte[] data, int cut = int.MaxValue)
    {
        byte[] body = [.. "RIFF"u8, 0, 0, 0, 0, .. "WAVE"u8, .. format, .. data];
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, body[..Math.Min(cut, body.Length)]);
            return WavFile.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Fmt(short tag, short channels, int rate, short bits) =>
        [.. "fmt "u8, 16, 0, 0, 0, .. BitConverter.GetBytes(tag), .. BitConverter.GetBytes(channels), .. BitConverter.GetBytes(rate), .. new byte[6], .. BitConverter.GetBytes(bits)];

    private static byte[] Data(int bytes, uint? size = null) => [.. Encoding.ASCII.GetBytes("data"), .. BitConverter.GetBytes(size ?? (uint)bytes), .. new byte[bytes]];
}
