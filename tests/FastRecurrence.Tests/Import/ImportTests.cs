using FastRecurrence.Import;

namespace FastRecurrence.Tests.Import;

/// <summary>Layers of cuDNN through Keras 2, its flat buffers, and models of several files.</summary>
public sealed class ImportTests
{
    private static void Same(LayerWeights expected, LayerWeights actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.InputWeights, actual.InputWeights);
        Assert.Equal(expected.RecurrentWeights, actual.RecurrentWeights);
        Assert.Equal(expected.Bias, actual.Bias);
    }

    /// <summary>Keras' own conversion of a plain layer: the kernel's blocks transposed and reshaped, the recurrent ones transposed.</summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru")]
    public void Cudnn_layers_of_Keras_2(string cell)
    {
        const int I = 3, H = 5;
        LayerShape shape = cell == "lstm" ? LayerShape.Lstm(I, H) : LayerShape.Gru(I, H);
        int G = shape.GateCount, columns = G * H;
        float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (i * 37 % 101 + seed) / 64f)];
        float[] kernel = Numbers(I * columns, 1), recurrent = Numbers(H * columns, 2), bias = Numbers(2 * columns, 3);
        float[] cudnn = new float[kernel.Length], cudnnRecurrent = new float[recurrent.Length];
        for (int g = 0; g < G; g++)
        {
            for (int q = 0; q < I * H; q++)
                cudnn[q / H * columns + g * H + q % H] = kernel[q % I * columns + g * H + q / I]; // K.T.reshape(I, H)
            for (int i = 0; i < H; i++)
            {
                for (int j = 0; j < H; j++)
                    cudnnRecurrent[i * columns + g * H + j] = recurrent[j * columns + g * H + i];
            }
        }

        float[] plainBias = cell == "gru" ? bias : [.. bias[..columns].Zip(bias[columns..], (a, b) => a + b)];
        Same(KerasWeights.Import(shape, kernel, recurrent, plainBias), KerasWeights.ImportCudnn(shape, cudnn, cudnnRecurrent, bias));
        Assert.False(KerasWeights.Import(shape, cudnn, cudnnRecurrent, plainBias).InputWeights.SequenceEqual(KerasWeights.Import(shape, kernel, recurrent, plainBias).InputWeights));
        Assert.Throws<ArgumentException>("kernel", () => KerasWeights.ImportCudnn(shape, cudnn.AsSpan(1), cudnnRecurrent, bias));
        Assert.Throws<ArgumentException>("bias", () => KerasWeights.ImportCudnn(shape, cudnn, cudnnRecurrent, bias.AsSpan(1)));
        Assert.Throws<NotSupportedException>(() => KerasWeights.ImportCudnn(LayerShape.Gru(I, H, linearBeforeReset: false), cudnn, cudnnRecurrent, bias));
        if (cell == "lstm")
            Assert.Contains("ImportCudnn", Assert.Throws<ArgumentException>(() => KerasWeights.Import(shape, kernel, recurrent, bias)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lstm", true)]
    [InlineData("gru", true)]
    [InlineData("elman", false)]
    public void Flat_buffers_hold_all_matrices_before_all_biases(string cell, bool bidirectional)
    {
        const int H = 4, layers = 3;
        int D = bidirectional ? 2 : 1;
        LayerShape Shape(int input) => cell switch { "lstm" => LayerShape.Lstm(input, H), "gru" => LayerShape.Gru(input, H), _ => LayerShape.Elman(input, H) };
        LayerWeights[] weights = [.. Enumerable.Range(0, layers * D).Select(k => LayerWeights.Random(Shape(k < D ? 3 : D * H), k + 1))];
        (float[][] Matrices, float[][] Biases)[] parts = [.. weights.Select(CudnnWeights.Export)];
        float[] matrices = [.. parts.SelectMany(p => p.Matrices).SelectMany(m => m)], biases = [.. parts.SelectMany(p => p.Biases).SelectMany(b => b)];
        IReadOnlyList<StackLayer> read = CudnnWeights.ImportFlat(Shape(3), [.. matrices, .. biases], layers, bidirectional);
        Assert.Equal(layers, read.Count);
        for (int k = 0; k < layers; k++)
        {
            Same(weights[k * D], read[k].Forward!);
            if (bidirectional)
                Same(weights[k * D + 1], read[k].Reverse!);
        }

        Assert.All(CudnnWeights.ImportFlat(Shape(3), matrices, layers, bidirectional, hasBias: false), layer => Assert.All(layer.Forward!.Bias.ToArray(), b => Assert.Equal(0, b)));
        string says = Assert.Throws<ArgumentException>("buffer", () => CudnnWeights.ImportFlat(Shape(3), matrices, layers, bidirectional)).Message;
        Assert.Contains($"{matrices.Length} values", says, StringComparison.Ordinal);
        Assert.Contains($"{matrices.Length + biases.Length} in cuDNN", says, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_in_two_files()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string index = Path.Combine(folder, "model.safetensors.index.json");
            void Save(string file, params (string, int[])[] tensors)
            {
                var source = new MemoryTensors();
                foreach ((string name, int[] shape) in tensors)
                    source.Add(name, shape, Enumerable.Repeat(name.Length / 4f, shape.Aggregate(1, (a, b) => a * b)).ToArray());
                SafetensorsWriter.Save(Path.Combine(folder, file), source);
            }

            Save("a.safetensors", ("r.weight_ih_l0", [8, 3]), ("other", [1]));
            Save("b.safetensors", ("r.weight_hh_l0", [8, 2]));
            void Index(string map) => File.WriteAllText(index, """{"metadata":{"total_size":164,"more":[1,{}]},"weight_map":{""" + map + "}}");
            const string Right = """ "r.weight_ih_l0":"a.safetensors","r.weight_hh_l0":"b.safetensors","other":"a.safetensors" """;
            Index(Right);
            using (ShardedSafetensors model = ShardedSafetensors.Open(index))
            {
                Assert.Equal(["a.safetensors", "b.safetensors"], model.Files);
                Assert.Equal("lstm_i3_h2", PyTorchWeights.Find(model).Single().ToLayers()[0].Forward!.Shape.ToString());
                Assert.Equal([1.25f], model.ReadFloats("other"));
                Assert.Throws<ModelFormatException>(() => model.ReadFloats("none"));
            }

            void Refused(string says, string map)
            {
                Index(map);
                Assert.Contains(says, Assert.Throws<ModelFormatException>(() => ShardedSafetensors.Open(index)).Message, StringComparison.Ordinal);
            }

            Refused("not in 'b.safetensors'", Right.Replace("\"a.safetensors\",\"r.weight_hh", "\"b.safetensors\",\"r.weight_hh", StringComparison.Ordinal));
            Refused("not in the index", Right.Replace(""" ,"other":"a.safetensors" """, "", StringComparison.Ordinal).Replace(",\"other\":\"a.safetensors\"", "", StringComparison.Ordinal));
            Refused("beside the index", Right.Replace("a.safetensors", "../a.safetensors", StringComparison.Ordinal));
            Refused("is missing", Right.Replace("a.safetensors", "c.safetensors", StringComparison.Ordinal));
            Refused("occurs twice", Right + ",\"other\":\"a.safetensors\"");
            Refused("no string", "\"other\":1");
            File.WriteAllText(index, "{}");
            Assert.Contains("weight_map is missing", Assert.Throws<ModelFormatException>(() => ShardedSafetensors.Open(index)).Message, StringComparison.Ordinal);
            File.WriteAllText(index, "{\"weight_map\":");
            Assert.Contains("no valid JSON", Assert.Throws<ModelFormatException>(() => ShardedSafetensors.Open(index)).Message, StringComparison.Ordinal);
            Assert.Contains("ShardedSafetensors", Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(index)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
