using FastRecurrence.Import;

namespace FastRecurrence.Tests.Import;

/// <summary>Modules found in a state dictionary, each for itself.</summary>
public sealed class PyTorchModuleTests
{
    private static MemoryTensors Source(params (string Name, int[] Shape)[] tensors)
    {
        var source = new MemoryTensors();
        foreach ((string name, int[] shape) in tensors)
            source.Add(name, shape, [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(i => i / 8f)]);
        return source;
    }

    [Theory]
    [InlineData("weight normalisation", "e.weight_hh_l0_g", "e.weight_hh_l0_v")]
    [InlineData("weight normalisation", "e.parametrizations.weight_hh_l0.original0", "e.parametrizations.weight_hh_l0.original1")]
    [InlineData("weight drop", "e.weight_hh_l0_raw")]
    [InlineData("pruning", "e.weight_hh_l0_orig", "e.weight_hh_l0_mask")]
    [InlineData("parametrisation", "e.weight_hh_l0_orig", "e.weight_hh_l0_u", "e.weight_hh_l0_v")]
    [InlineData("parametrisation", "e.parametrizations.weight_hh_l0.original")]
    public void A_refusal_says_what_stands_in_the_place_of_a_part(string says, params string[] names)
    {
        MemoryTensors source = Source([("d.weight_ih_l0", [6, 3]), ("d.weight_hh_l0", [6, 2]), ("e.weight_ih_l0", [8, 3]), .. names.Select(name => (name, new[] { 8, 2 }))]);
        IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(source);
        Assert.Equal(["d.", "e."], modules.Select(module => module.Prefix));
        Assert.Single(modules[0].ToLayers());
        Assert.Contains(says, modules[1].Refusal, StringComparison.Ordinal);
        Assert.All(names, name => Assert.Contains(name, modules[1].Refusal, StringComparison.Ordinal));
        Assert.Contains("e.weight_hh_l0 is missing", modules[1].Refusal, StringComparison.Ordinal);
        Assert.Equal(0, modules[1].LayerCount);
    }

    [Fact]
    public void A_module_of_stand_ins_alone_is_listed_and_one_inside_a_wrapper_is_not_listed_twice()
    {
        PyTorchModule alone = Assert.Single(PyTorchWeights.Find(Source(("weight_ih_l0_g", [8, 1]), ("weight_hh_l0_g", [8, 1]))));
        Assert.Contains("weight_ih_l0_g", alone.Refusal, StringComparison.Ordinal);
        PyTorchModule wrapped = Assert.Single(PyTorchWeights.Find(Source(("a.module.weight_ih_l0", [8, 3]), ("a.module.weight_hh_l0", [8, 2]), ("a.weight_hh_l0_raw", [8, 2]))));
        Assert.Equal("a.module.", wrapped.Prefix);
        Assert.Contains("a.weight_hh_l0_raw", Assert.Single(wrapped.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("weight_ih_l12345", "layer 0 is missing")]
    [InlineData("weight_ih_l2147483647", "no module has a layer of that number")]
    [InlineData("weight_ih_l99999999999999999999", "no module has a layer of that number")]
    public void Layer_numbers_of_any_length_are_seen(string name, string says) =>
        Assert.Contains(says, Assert.Single(PyTorchWeights.Find(Source((name, [4, 2])))).Refusal, StringComparison.Ordinal);

    [Fact]
    public void Twelve_thousand_layers()
    {
        (string, int[])[] layers = [.. Enumerable.Range(0, 12_000).SelectMany(k => new[] { ($"weight_ih_l{k}", new[] { 1, 1 }), ($"weight_hh_l{k}", new[] { 1, 1 }) })];
        Assert.Equal(12_000, Assert.Single(PyTorchWeights.Find(Source(layers))).LayerCount);
    }

    /// <summary>The time of this process alone: that of the clock is others' too.</summary>
    private static TimeSpan Processor => Environment.CpuUsage.TotalTime;

    [Fact]
    public void Many_prefixes_are_found_in_a_moment()
    {
        (string, int[])[] modules = [.. Enumerable.Range(0, 30_000).SelectMany(k => new[] { ($"m{k}.weight_ih", new[] { 1, 1 }), ($"m{k}.bias_hh", new[] { 1 }) })];
        MemoryTensors source = Source(modules);
        TimeSpan before = Processor;
        IReadOnlyList<PyTorchModule> found = PyTorchWeights.Find(source);
        Assert.InRange((Processor - before).TotalSeconds, 0, 2);
        Assert.Equal(30_000, found.Count);
        Assert.All(found, module => Assert.NotNull(module.Refusal));
    }

    /// <summary>A header of very many tensors costs time and memory in proportion to its bytes: names and shapes are made when they are asked for.</summary>
    [Fact]
    public void A_header_of_a_million_tensors()
    {
        const int Tensors = 1_000_000;
        var text = new System.Text.StringBuilder("{");
        for (int i = 0; i < Tensors; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}},");
        string header = text.Append("\"l.weight_ih\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[0,0]}}").ToString();
        byte[] bytes = [.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.ASCII.GetBytes(header)];
        using (SafetensorsFile.Read(bytes)) // compiles
            GC.Collect();
        TimeSpan start = Processor;
        long before = GC.GetAllocatedBytesForCurrentThread();
        using SafetensorsFile file = SafetensorsFile.Read(bytes);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        IReadOnlyList<PyTorchModule> found = PyTorchWeights.Find(file);
        Assert.InRange((Processor - start).TotalSeconds, 0, 2);
        Assert.InRange(allocated, bytes.Length, 3L * bytes.Length);
        Assert.Equal("l.", Assert.Single(found).Prefix);
        Assert.Equal((Tensors + 1, "t777777", null), (file.Tensors.Count, file.Find("t777777")!.Name, file.Find("t")));
    }

    /// <summary>Names are compared by their letters, however a header writes them.</summary>
    [Theory]
    [InlineData("\"w\"", "\"w\"")]
    [InlineData("\"w\"", "\"\\u0077\"")]
    [InlineData("\"\\u00e9\"", "\"é\"")]
    public void A_name_occurs_once(string first, string second)
    {
        const string Tensor = ":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
        byte[] header = System.Text.Encoding.UTF8.GetBytes($"{{{first}{Tensor},{second}{Tensor}}}");
        Assert.Contains("occurs twice", Assert.Throws<ModelFormatException>(() => SafetensorsFile.Read([.. BitConverter.GetBytes((long)header.Length), .. header])).Message, StringComparison.Ordinal);
        header = System.Text.Encoding.UTF8.GetBytes($"{{{second}{Tensor}}}");
        using SafetensorsFile file = SafetensorsFile.Read([.. BitConverter.GetBytes((long)header.Length), .. header]);
        Assert.Equal(file.Tensors[0].Name, file.Find(System.Text.Json.JsonSerializer.Deserialize<string>(second)!)!.Name);
    }

    [Theory]
    [InlineData("F4", 6)]
    [InlineData("F6_E2M3", 9)]
    [InlineData("F8_E8M0", 12)]
    [InlineData("I4", 6)]
    public void A_tensor_of_a_type_that_is_not_read_costs_nothing(string type, int bytes)
    {
        string header = $$"""{"q":{"dtype":"{{type}}","shape":[3,4],"data_offsets":[0,{{bytes}}]},"w":{"dtype":"F32","shape":[1],"data_offsets":[{{bytes}},{{bytes + 4}}]} }""";
        using SafetensorsFile file = SafetensorsFile.Read([.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.ASCII.GetBytes(header), .. new byte[bytes], 0, 0, 128, 63]);
        Assert.Equal([1f], file.ReadFloats("w"));
        Assert.Contains(type, Assert.Throws<ModelFormatException>(() => file.ReadFloats("q")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_a_megabyte_makes_a_short_message()
    {
        string name = new string('x', 1 << 20) + "weight_ih_l0";
        string message = Assert.Throws<ModelFormatException>(() => PyTorchWeights.Find(Source((name, [4, 2])))[0].ToLayers()).Message;
        Assert.InRange(message.Length, 50, 3000);
    }
}
