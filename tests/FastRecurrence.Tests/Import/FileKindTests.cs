using System.Diagnostics;
using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.TestKit.Models;
using Google.Protobuf;

namespace FastRecurrence.Tests.Import;

/// <summary>What is given as a file and is none, or changes while it is read: refused at once, by a documented exception.</summary>
public sealed class FileKindTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Fifo()
    {
        string path = Path.Combine(_folder, "fifo");
        if (OperatingSystem.IsWindows() || !File.Exists("/usr/bin/mkfifo"))
            Assert.Skip("there is no mkfifo here");
        using Process made = Process.Start("/usr/bin/mkfifo", path);
        made.WaitForExit();
        return path;
    }

    private static T Soon<T>(Action read)
        where T : Exception
    {
        Task<T> task = Task.Run(() => Assert.ThrowsAny<T>(read));
        Assert.True(task.Wait(TimeSpan.FromSeconds(20)), "the reader waits");
        return task.Result;
    }

    private string External(string location)
    {
        string path = Path.Combine(_folder, "m.onnx");
        File.WriteAllBytes(path, TinyModel.Lstm(m =>
        {
            TensorProto w = m.Stored("W");
            w.ClearRawData();
            w.DataLocation = 1;
            w.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        }).ToByteArray());
        return path;
    }

    [Fact]
    public void Nobody_waits_for_a_pipe()
    {
        string fifo = Fifo();
        Assert.Contains("pipe", Soon<IOException>(() => SafetensorsFile.Open(fifo)).Message, StringComparison.Ordinal);
        Assert.Contains("pipe", Soon<IOException>(() => OnnxModel.Load(fifo)).Message, StringComparison.Ordinal);
        Assert.Contains("pipe", Soon<IOException>(() => ShardedSafetensors.Open(fifo)).Message, StringComparison.Ordinal);
        Assert.Contains("pipe", Soon<ModelFormatException>(() => OnnxModel.Load(External("fifo"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_no_file()
    {
        Assert.Contains("folder", Assert.Throws<IOException>(() => SafetensorsFile.Open(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains("folder", Assert.Throws<IOException>(() => OnnxModel.Load(_folder)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_folder, "sub"));
        Assert.Contains("folder", Assert.Throws<ModelFormatException>(() => OnnxModel.Load(External("sub"))).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(Path.Combine(_folder, "none")));
        Assert.Throws<FileNotFoundException>(() => OnnxModel.Load(Path.Combine(_folder, "none")));
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/full")]
    [InlineData("/dev/null")]
    public void A_device_has_no_length(string device)
    {
        if (!File.Exists(device))
            Assert.Skip($"there is no {device} here");
        Exception Refused(Action read) => Soon<Exception>(read);
        Assert.True(Refused(() => OnnxModel.Load(device)) is ModelFormatException or IOException);
        Assert.True(Refused(() => SafetensorsFile.Open(device)) is ModelFormatException or IOException);
    }

    [Fact]
    public void A_file_that_may_not_be_read()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("this process may read every file");
            return;
        }

        string path = Path.Combine(_folder, "closed");
        File.WriteAllBytes(path, new byte[100]);
        File.SetUnixFileMode(path, UnixFileMode.None);
        Assert.Throws<UnauthorizedAccessException>(() => SafetensorsFile.Open(path));
        Assert.Throws<UnauthorizedAccessException>(() => OnnxModel.Load(path));
    }

    [Fact]
    public void A_file_that_shrinks_while_it_is_open_is_an_error_of_the_read()
    {
        string path = Path.Combine(_folder, "big.safetensors");
        var tensors = new MemoryTensors();
        tensors.Add("a", [500_000], new float[500_000]);
        SafetensorsWriter.Save(path, tensors);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(500_000, file.ReadFloats("a").Length);
        using (var writer = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            writer.SetLength(10_000);
        Assert.Contains("became shorter", Assert.ThrowsAny<IOException>(() => file.ReadFloats("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Streams_are_read_to_their_end_from_where_they_stand()
    {
        var tensors = new MemoryTensors();
        tensors.Add("a", [3], [1f, 2f, 3f]);
        using var stream = new MemoryStream();
        stream.WriteByte(7);
        SafetensorsWriter.Write(stream, tensors);
        stream.Position = 1;
        using SafetensorsFile file = SafetensorsFile.Read(stream, "s");
        Assert.Equal([1f, 2f, 3f], file.ReadFloats("a"));
        using SafetensorsFile slice = SafetensorsFile.Read(stream.ToArray().AsMemory(1), "s");
        Assert.Equal([1f, 2f, 3f], slice.ReadFloats("a"));
        using var model = new MemoryStream(TinyModel.Lstm().ToByteArray());
        Assert.Single(OnnxModel.Load(model, "m", null).RequireLayers());
        Assert.True(model.CanRead);
    }
}
