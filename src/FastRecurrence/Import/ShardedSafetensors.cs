using System.Text.Json;

namespace FastRecurrence.Import;

/// <summary>
/// A model in several safetensors files, as the index <c>model.safetensors.index.json</c> lists them: its <c>weight_map</c> gives
/// the file of each tensor. The files lie beside the index. Any number of threads may read at once.
/// </summary>
public sealed class ShardedSafetensors : TensorSource, IDisposable
{
    private const long MaxIndexBytes = 100_000_000;

    private readonly Dictionary<string, SafetensorsFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (TensorInfo Info, SafetensorsFile File)> _tensors = new(StringComparer.Ordinal);
    private readonly List<TensorInfo> _infos = [];

    private ShardedSafetensors(string name) => Name = name;

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>All tensors, in the order of the index.</summary>
    public override IReadOnlyList<TensorInfo> Tensors => _infos;

    /// <summary>Names of the files, in the order in which the index names them first.</summary>
    public IReadOnlyCollection<string> Files => _files.Keys;

    /// <summary>Opens the index and all its files, and checks that each tensor is where the index says. Dispose it when all is read.</summary>
    /// <param name="path">The index, such as <c>model.safetensors.index.json</c>.</param>
    /// <exception cref="ModelFormatException">
    /// The index is damaged or names a file outside its folder, a file is missing or damaged, a tensor is not in its file, or a file
    /// has a tensor that the index does not name.
    /// </exception>
    /// <exception cref="IOException">A file is a folder, a pipe or a device, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not read a file.</exception>
    public static ShardedSafetensors Open(string path)
    {
        byte[] json;
        string name = Path.GetFileName(path);
        using (var file = RegularFile.Open(path))
        {
            long length = RandomAccess.GetLength(file);
            if (length > MaxIndexBytes)
                throw new ModelFormatException(name, FormattableString.Invariant($"{length} bytes; an index has at most {MaxIndexBytes}."));
            json = RegularFile.ReadAll(file, name, length);
        }

        var model = new ShardedSafetensors(name);
        try
        {
            model.Read(json, Path.GetDirectoryName(Path.GetFullPath(path))!);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override TensorInfo? Find(string name) => _tensors.TryGetValue(name, out var found) ? found.Info : null;

    /// <summary>Closes all files. Tensors cannot be read afterwards.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files.Values)
            file.Dispose();
    }

    private protected override float[] ReadFloatsCore(TensorInfo info) => _tensors[info.Name].File.ReadFloats(info.Name);

    private protected override double[] ReadDoublesCore(TensorInfo info) => _tensors[info.Name].File.ReadDoubles(info.Name);

    private void Read(byte[] json, string folder)
    {
        bool map = false;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new ModelFormatException(Name, "the index is no JSON object.");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isMap = reader.ValueTextEquals("weight_map"u8);
                reader.Read();
                if (!isMap)
                {
                    reader.Skip();
                    continue;
                }

                if (map)
                    throw new ModelFormatException(Name, "weight_map occurs twice.");
                map = true;
                ReadMap(ref reader, folder);
            }

            while (reader.Read())
            {
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(Name, $"the index is no valid JSON: {e.Message}", e);
        }

        if (!map)
            throw new ModelFormatException(Name, "weight_map is missing: it is no index of safetensors files.");
        foreach ((string shard, SafetensorsFile file) in _files)
        {
            if (file.Tensors.FirstOrDefault(info => !_tensors.ContainsKey(info.Name)) is { } unnamed)
                throw new ModelFormatException($"{Name}, '{shard}'", $"the tensor '{unnamed.Name}' is in the file, but not in the index.");
        }
    }

    private void ReadMap(ref Utf8JsonReader reader, string folder)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new ModelFormatException(Name, "weight_map is no object of tensor names and file names.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string tensor = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new ModelFormatException($"{Name}, weight_map, '{tensor}'", "its file is no string.");
            string shard = reader.GetString()!;
            if (!_files.TryGetValue(shard, out SafetensorsFile? file))
                _files.Add(shard, file = OpenShard(tensor, shard, folder));
            TensorInfo info = file.Find(tensor) ?? throw new ModelFormatException($"{Name}, weight_map, '{tensor}'", $"it is not in '{shard}'.");
            if (!_tensors.TryAdd(tensor, (info, file)))
                throw new ModelFormatException($"{Name}, weight_map", $"the tensor '{tensor}' occurs twice.");
            _infos.Add(info);
        }
    }

    private SafetensorsFile OpenShard(string tensor, string shard, string folder)
    {
        string where = $"{Name}, weight_map, '{tensor}'";
        if (shard.Length == 0 || shard is "." or ".." || shard.AsSpan().ContainsAny("/\\:\0"))
            throw new ModelFormatException(where, $"its file is '{shard}'; only files beside the index are opened.");
        try
        {
            return SafetensorsFile.Open(Path.Combine(folder, shard));
        }
        catch (FileNotFoundException e)
        {
            throw new ModelFormatException(where, $"its file '{shard}' is missing beside the index.", e);
        }
    }
}
