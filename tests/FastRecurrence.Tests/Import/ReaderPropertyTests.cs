using CsCheck;
using FastRecurrence.Import;
using FastRecurrence.TestKit.Fuzzing;

namespace FastRecurrence.Tests.Import;

/// <summary>Readers against random and damaged input: what is written comes back, and what is damaged is refused, never worse.</summary>
public sealed class ReaderPropertyTests
{
    private static readonly Gen<float> s_anyFloat = Gen.UInt.Select(BitConverter.UInt32BitsToSingle); // NaNs, infinities and denormals too

    [Fact]
    public void What_a_safetensors_file_was_given_comes_back_to_the_bit() =>
        Gen.Select(Gen.String[1, 12], Gen.Int[0, 5].Array[0, 4]).Array[0, 6].Select(tensors => tensors.DistinctBy(t => t.Item1).Where(t => t.Item1 != "__metadata__" && IsText(t.Item1)).ToArray())
            .SelectMany(tensors => Gen.Const(tensors).Select(s_anyFloat.Array[tensors.Sum(t => t.Item2.Aggregate(1, (a, b) => a * b))]))
            .Sample((tensors, values) =>
            {
                var source = new MemoryTensors();
                int at = 0;
                foreach ((string name, int[] shape) in tensors)
                {
                    int count = shape.Aggregate(1, (a, b) => a * b);
                    source.Add(name, shape, values.AsSpan(at, count));
                    at += count;
                }

                using var stream = new MemoryStream();
                SafetensorsWriter.Write(stream, source, new Dictionary<string, string> { ["k"] = "v" });
                using SafetensorsFile file = SafetensorsFile.Read(stream.ToArray());
                Assert.Equal(tensors.Select(t => t.Item1), file.Tensors.Select(t => t.Name));
                Assert.Equal("v", file.Metadata["k"]);
                at = 0;
                foreach ((string name, int[] shape) in tensors)
                {
                    Assert.Equal(shape, file[name].Shape);
                    float[] back = file.ReadFloats(name);
                    for (int i = 0; i < back.Length; i++, at++)
                        Assert.True(float.IsNaN(values[at]) ? float.IsNaN(back[i]) : BitConverter.SingleToUInt32Bits(values[at]) == BitConverter.SingleToUInt32Bits(back[i]));
                }
            }, iter: 500);

    private static bool IsText(string name) => !name.Any(char.IsSurrogate);

    [Theory]
    [InlineData("safetensors")]
    [InlineData("onnx")]
    [InlineData("state")]
    public void Damaged_files_are_accepted_or_refused_and_nothing_else(string reader)
    {
        using var fuzzer = new Fuzzer();
        byte[] seed = reader switch { "safetensors" => FuzzSeeds.Safetensors(), "onnx" => FuzzSeeds.Onnx(), _ => State() };
        Assert.Null(fuzzer.Try(reader, seed, out bool accepted));
        Assert.True(accepted, "the seed itself must be accepted");
        Gen.UInt.Sample(number =>
        {
            byte[] damaged = Fuzzer.Damage(seed, new Random((int)number));
            string? wrong = fuzzer.Try(reader, damaged, out _);
            Assert.True(wrong is null, $"{reader}: {wrong}\n{Convert.ToBase64String(damaged)}");
        }, iter: 20_000, threads: 1);
    }

    [Theory]
    [InlineData("safetensors")]
    [InlineData("onnx")]
    [InlineData("state")]
    public void Random_bytes_are_refused(string reader)
    {
        using var fuzzer = new Fuzzer();
        Gen.Byte.Array[0, 200].Sample(bytes => Assert.Null(fuzzer.Try(reader, bytes, out _)), iter: 5_000, threads: 1);
    }

    [Fact]
    public void Every_cut_and_every_byte_of_an_onnx_file()
    {
        using var fuzzer = new Fuzzer();
        byte[] seed = FuzzSeeds.Onnx();
        for (int i = 0; i < seed.Length; i++)
        {
            Assert.Null(fuzzer.Try("onnx", seed[..i], out _));
            byte[] damaged = [.. seed];
            damaged[i] ^= 0xFF;
            Assert.Null(fuzzer.Try("onnx", damaged, out _));
        }
    }

    /// <summary>The short form; FASTRECURRENCE_FUZZ=10000000 runs the long one.</summary>
    [Fact]
    public void The_fuzzer_finds_nothing()
    {
        long inputs = long.TryParse(Environment.GetEnvironmentVariable("FASTRECURRENCE_FUZZ"), out long asked) ? asked : 20_000;
        using var fuzzer = new Fuzzer();
        (long read, _, IReadOnlyList<FuzzFailure> failures) = fuzzer.Run(inputs, seed: 7, cancellation: TestContext.Current.CancellationToken);
        Assert.True(failures.Count == 0, string.Join('\n', failures.Select(f => $"{f.Reader}, seed {f.Seed}, input {f.Input}: {f.What}\n{Convert.ToBase64String(f.Bytes)}")));
        Assert.Equal(inputs, read);
    }

    [Fact]
    public void The_fuzzer_repeats_itself_and_counts()
    {
        using var fuzzer = new Fuzzer();
        (long read, long accepted, IReadOnlyList<FuzzFailure> failures) = fuzzer.Run(3000, seed: 1, cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(failures);
        Assert.Equal(3000, read);
        Assert.InRange(accepted, 1, 2999);
        Assert.Equal(accepted, fuzzer.Run(3000, seed: 1, cancellation: TestContext.Current.CancellationToken).Accepted);
        Assert.NotEqual(Fuzzer.Damage(FuzzSeeds.Onnx(), new Random(1)), Fuzzer.Damage(FuzzSeeds.Onnx(), new Random(2)));
    }

    private static byte[] State()
    {
        using var stack = new RecurrentStack(Backend.Reference, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(2, 3), 1)));
        return FuzzSeeds.State(stack);
    }
}
