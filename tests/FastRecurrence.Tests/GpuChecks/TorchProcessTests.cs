using System.ComponentModel;
using System.Diagnostics;
using FastRecurrence.GpuCheck.Timing;

namespace FastRecurrence.Tests.GpuChecks;

/// <summary>The protocol between gpu-check and its python script: the real script with a torch of a few lines, and scripts that misbehave.</summary>
public sealed class TorchProcessTests : IDisposable
{
    /// <summary>What the script uses of torch; a layer of H = 13 is too large for its device.</summary>
    private const string FakeTorch = """
        import contextlib, sys, types
        log = []
        class Event:
            def __init__(self, enable_timing): pass
            def record(self): pass
            def synchronize(self): pass
            def elapsed_time(self, other): return 0.25
        class Graph:
            def replay(self): log.append("replay")
        class Layer:
            def __init__(self, inputs, hidden, bidirectional):
                if hidden == 13: raise RuntimeError("out of memory\nsecond line")
                assert inputs == hidden
            def to(self, device, dtype): return self
            def __call__(self, x): log.append("run")
        graph = lambda g: contextlib.nullcontext()
        cuda = types.SimpleNamespace(is_available=lambda: AVAILABLE, get_device_name=lambda: "a fake", synchronize=lambda: None, Event=Event, CUDAGraph=Graph,
            Stream=object, stream=lambda s: contextlib.nullcontext(), graph=graph, empty_cache=lambda: None)
        flags = types.SimpleNamespace(allow_tf32=None, version=lambda: 91900)
        torch = types.ModuleType("torch")
        torch.__dict__.update(__version__="9.9", version=types.SimpleNamespace(cuda="13"), cuda=cuda, float32=1, bfloat16=2, float16=3,
            backends=types.SimpleNamespace(cudnn=flags, cuda=types.SimpleNamespace(matmul=flags)), randn=lambda *a, **k: None,
            nn=types.SimpleNamespace(LSTM=Layer, GRU=Layer), inference_mode=contextlib.nullcontext)
        sys.modules["torch"] = torch
        exec(open(SCRIPT).read())

        """;

    private static readonly TorchLayer s_layer = new("LSTM", "fp32", "graph", 16, 2, 100);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Layers_are_made_and_timed_in_turn()
    {
        using TorchProcess torch = Real(available: true);
        Assert.Equal("torch 9.9, CUDA 13, cuDNN 91900, a fake", torch.Greet());
        List<double> host = [], device = [];
        foreach (TorchLayer layer in (TorchLayer[])[s_layer, s_layer with { Module = "GRU", Mode = "eager", Directions = 2 }])
        {
            Assert.Null(torch.Prepare(layer));
            Assert.Null(torch.Time(3, host, device));
        }

        Assert.Equal([250.0, 250, 250, 250, 250, 250], device); // milliseconds became microseconds
        Assert.Equal(6, host.Count);
        Assert.All(host, h => Assert.InRange(h, 0, 1e6));
        Assert.Null(torch.Absence);
    }

    [Fact]
    public void A_layer_that_fails_leaves_the_next_one_alone()
    {
        using TorchProcess torch = Real(available: true);
        Assert.Equal("RuntimeError: out of memory", torch.Prepare(s_layer with { H = 13 }));
        List<double> host = [], device = [];
        Assert.NotNull(torch.Time(1, host, device)); // nothing is ready
        Assert.Empty(host);
        Assert.Contains("RNN", torch.Prepare(s_layer with { Module = "RNN" }), StringComparison.Ordinal); // this torch has none
        Assert.Null(torch.Prepare(s_layer));
        Assert.Null(torch.Time(1, host, device));
        Assert.Single(device);
    }

    [Fact]
    public void A_torch_without_a_device_is_absent_with_its_reason()
    {
        using TorchProcess torch = Real(available: false);
        Assert.Null(torch.Greet());
        Assert.Equal("torch 9.9 sees no CUDA device", torch.Absence);
        Assert.Equal(torch.Absence, torch.Prepare(s_layer));
        Assert.Equal(torch.Absence, torch.Time(1, [], []));
    }

    [Theory]
    [InlineData("import time; time.sleep(60)", "did not answer for")]
    [InlineData("print('good morning', flush=True); input()", "answered 'good morning', which is no JSON")]
    [InlineData("print('[1]', flush=True); input()", "answered '[1]', which is no object of JSON")]
    [InlineData("import sys; sys.exit('no such thing')", "has ended")]
    public void A_script_that_misbehaves_is_ended(string script, string reason)
    {
        using TorchProcess torch = Start(script, patience: 5);
        Assert.Null(torch.Greet());
        Assert.Contains(reason, torch.Absence, StringComparison.Ordinal);
        Assert.Equal(torch.Absence, torch.Prepare(s_layer));
    }

    [Fact]
    public void A_script_that_dies_or_answers_nonsense_later_is_ended()
    {
        using TorchProcess dying = Start("""print('{"torch": "1"}', flush=True); input(); raise SystemExit(1)""", patience: 20);
        Assert.NotNull(dying.Greet());
        Assert.Contains("has ended", dying.Prepare(s_layer), StringComparison.Ordinal);
        using TorchProcess odd = Start("""
            import sys
            for line in ['{"torch": "1"}'] + ['{"ok": true}'] * 2:
                print(line, flush=True)
                sys.stdin.readline()
            """, patience: 20);
        Assert.Null(odd.Prepare(s_layer));
        Assert.Contains("where times were wanted", odd.Time(1, [], []), StringComparison.Ordinal);
        Assert.NotNull(odd.Absence);
    }

    /// <summary>The script that gpu-check carries.</summary>
    private TorchProcess Real(bool available)
    {
        string script = Path.Combine(_folder.Path, "torch_rows.py");
        using (Stream source = typeof(TorchProcess).Assembly.GetManifestResourceStream("torch_rows.py")!)
        using (FileStream target = File.Create(script))
            source.CopyTo(target);
        return Start($"SCRIPT = '{script}'\nAVAILABLE = {(available ? "True" : "False")}\n{FakeTorch}", patience: 20);
    }

    private TorchProcess Start(string script, double patience)
    {
        try
        {
            using Process? python = Process.Start(new ProcessStartInfo("python3", ["-c", ""]));
            python!.WaitForExit();
        }
        catch (Win32Exception)
        {
            throw new TestSkippedException("python3 is missing.");
        }

        string path = Path.Combine(_folder.Path, $"{Guid.NewGuid():N}.py");
        File.WriteAllText(path, script);
        return new TorchProcess(TimeSpan.FromSeconds(patience), path);
    }
}
