using System.Collections.Concurrent;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.Tests.Gpu;

/// <summary>
/// The PTX of every kernel, compiled once and when first asked for; the kernels beside it in the catalogue, which a whole run asks for too, are compiled
/// meanwhile on the other processors. As on a device, one context compiles many kernels: what ILGPU has read of the library serves them all.
/// </summary>
public sealed class CompiledKernels : IDisposable
{
    private static readonly (string Name, KernelInstance Kernel)[] s_kernels = [.. KernelCatalog.All];

    private readonly Dictionary<string, int> _places = s_kernels.Select((kernel, place) => (kernel.Name, place)).ToDictionary(k => k.Name, k => k.place);
    private readonly Lazy<Task<string>>[] _texts;
    private readonly ConcurrentBag<ILGPU.Context> _contexts = [];
    private readonly SemaphoreSlim _processors = new(Environment.ProcessorCount);

    public CompiledKernels() =>
        _texts = [.. s_kernels.Select(kernel => new Lazy<Task<string>>(() => Task.Run(() => Compile(kernel.Kernel))))];

    public string Of(string kernel)
    {
        int place = _places[kernel];
        for (int ahead = 0; ahead < 2 * Environment.ProcessorCount; ahead++)
            _ = _texts[(place + ahead) % _texts.Length].Value;
        return _texts[place].Value.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        // Tests of devices come next, which nothing may disturb.
        Task.WhenAll(_texts.Where(text => text.IsValueCreated).Select(text => text.Value)).ContinueWith(_ => { }).Wait();
        foreach (ILGPU.Context context in _contexts)
            context.Dispose();
        _processors.Dispose();
    }

    private string Compile(KernelInstance kernel)
    {
        _processors.Wait();
        try
        {
            if (!_contexts.TryTake(out ILGPU.Context? context))
                context = PtxCompiler.CreateContext();
            string text = PtxCompiler.Compile(context, kernel);
            _contexts.Add(context); // not after a failure, which spoils its context
            return text;
        }
        finally
        {
            _processors.Release();
        }
    }
}
