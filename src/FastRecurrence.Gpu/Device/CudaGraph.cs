using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>
/// Work that a CUDA stream was given once, to be given again by one call of the driver. Addresses and sizes are those of the recording. Use it inside
/// <see cref="GpuDevice.Enter"/>.
/// </summary>
internal sealed unsafe class CudaGraph : IDisposable
{
    // A kernel node's port for "programmatic launch", and the type of such an edge.
    private const byte Programmatic = 1;

    // Calls of other threads neither disturb a recording nor are forbidden by it.
    private const int ThreadLocal = 1;

    private static readonly Lazy<Calls?> s_calls = new(Calls.Load);

    private IntPtr _graph;

    private CudaGraph(IntPtr graph) => _graph = graph;

    /// <summary>Whether this driver has graphs.</summary>
    public static bool IsSupported => s_calls.Value is not null;

    /// <summary>
    /// Starts to record what the stream is given; nothing of it runs. False where the driver refuses. Until <see cref="End"/> nothing may wait for the
    /// stream or allocate, and every kernel must have been loaded.
    /// </summary>
    public static bool Begin(AcceleratorStream stream) => s_calls.Value is Calls calls && calls.BeginCapture(Of(stream), ThreadLocal) == 0;

    /// <summary>
    /// Ends the recording; null where it cannot be run, and then nothing of it ever will. Where one of <paramref name="steps"/> follows another, it may begin
    /// before the other has ended (<see cref="DependentLaunch"/>).
    /// </summary>
    public static CudaGraph? End(AcceleratorStream stream, IReadOnlySet<IntPtr> steps)
    {
        Calls calls = s_calls.Value!;
        IntPtr recorded, graph;
        if (calls.EndCapture(Of(stream), &recorded) != 0 || recorded == IntPtr.Zero)
            return null;
        Overlap(calls, recorded, steps);
        bool runs = calls.Instantiate(&graph, recorded, 0) == 0;
        _ = calls.Destroy(recorded);
        return runs ? new CudaGraph(graph) : null;
    }

    /// <summary>Gives the stream all of it. False where the driver refuses.</summary>
    public bool Run(AcceleratorStream stream) => s_calls.Value!.Launch(_graph, Of(stream)) == 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_graph != IntPtr.Zero)
            _ = s_calls.Value!.DestroyInstance(_graph);
        _graph = IntPtr.Zero;
    }

    /// <summary>Makes the edges between steps programmatic; one that the driver refuses stays as it was.</summary>
    private static void Overlap(Calls calls, IntPtr graph, IReadOnlySet<IntPtr> steps)
    {
        nuint count = 0;
        if (calls.AddDependencies is null || steps.Count == 0 || calls.GetEdges(graph, null, null, null, &count) != 0 || count == 0)
            return;
        IntPtr[] from = new IntPtr[count], to = new IntPtr[count];
        var data = new EdgeData[count];
        fixed (IntPtr* f = from, t = to)
        fixed (EdgeData* d = data)
        {
            if (calls.GetEdges(graph, f, t, d, &count) != 0)
                return;
            for (nuint i = 0; i < count; i++)
            {
                if (!IsOf(calls, f[i], steps) || !IsOf(calls, t[i], steps) || calls.RemoveDependencies(graph, f + i, t + i, d + i, 1) != 0)
                    continue;
                EdgeData programmatic = new() { FromPort = Programmatic, Type = Programmatic }, full = default;
                if (calls.AddDependencies(graph, f + i, t + i, &programmatic, 1) != 0)
                    _ = calls.AddDependencies(graph, f + i, t + i, &full, 1);
            }
        }
    }

    private static bool IsOf(Calls calls, IntPtr node, IReadOnlySet<IntPtr> steps)
    {
        int type;
        if (calls.GetNodeType(node, &type) != 0 || type != 0)
            return false;
        IntPtr* parameters = stackalloc IntPtr[16]; // CUDA_KERNEL_NODE_PARAMS_v2: 80 bytes, the function first
        return calls.GetParameters(node, parameters) == 0 && steps.Contains(parameters[0]);
    }

    private static IntPtr Of(AcceleratorStream stream) => ((CudaStream)stream).StreamPtr;

    /// <summary>The driver's functions; graphs as such came with CUDA 10, these forms of them with 11.4.</summary>
    private sealed class Calls
    {
        public required delegate* unmanaged<IntPtr, int, int> BeginCapture;
        public required delegate* unmanaged<IntPtr, IntPtr*, int> EndCapture;
        public required delegate* unmanaged<IntPtr*, IntPtr, ulong, int> Instantiate;
        public required delegate* unmanaged<IntPtr, IntPtr, int> Launch;
        public required delegate* unmanaged<IntPtr, int> Destroy, DestroyInstance;

        // Edges with data came with CUDA 12.3; null before.
        public delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, EdgeData*, nuint*, int> GetEdges;
        public delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, EdgeData*, nuint, int> AddDependencies, RemoveDependencies;
        public delegate* unmanaged<IntPtr, int*, int> GetNodeType;
        public delegate* unmanaged<IntPtr, IntPtr*, int> GetParameters;

        public static Calls? Load()
        {
            if (!NativeLibrary.TryLoad(DriverLibraries.Cuda, out IntPtr library)
                || !NativeLibrary.TryGetExport(library, "cuStreamBeginCapture_v2", out IntPtr begin)
                || !NativeLibrary.TryGetExport(library, "cuStreamEndCapture", out IntPtr end)
                || !NativeLibrary.TryGetExport(library, "cuGraphInstantiateWithFlags", out IntPtr instantiate)
                || !NativeLibrary.TryGetExport(library, "cuGraphLaunch", out IntPtr launch)
                || !NativeLibrary.TryGetExport(library, "cuGraphDestroy", out IntPtr destroy)
                || !NativeLibrary.TryGetExport(library, "cuGraphExecDestroy", out IntPtr destroyInstance))
            {
                return null;
            }

            var calls = new Calls
            {
                BeginCapture = (delegate* unmanaged<IntPtr, int, int>)begin,
                EndCapture = (delegate* unmanaged<IntPtr, IntPtr*, int>)end,
                Instantiate = (delegate* unmanaged<IntPtr*, IntPtr, ulong, int>)instantiate,
                Launch = (delegate* unmanaged<IntPtr, IntPtr, int>)launch,
                Destroy = (delegate* unmanaged<IntPtr, int>)destroy,
                DestroyInstance = (delegate* unmanaged<IntPtr, int>)destroyInstance,
            };
            if (NativeLibrary.TryGetExport(library, "cuGraphGetEdges_v2", out IntPtr edges)
                && NativeLibrary.TryGetExport(library, "cuGraphAddDependencies_v2", out IntPtr add)
                && NativeLibrary.TryGetExport(library, "cuGraphRemoveDependencies_v2", out IntPtr remove)
                && NativeLibrary.TryGetExport(library, "cuGraphNodeGetType", out IntPtr type)
                && NativeLibrary.TryGetExport(library, "cuGraphKernelNodeGetParams_v2", out IntPtr parameters))
            {
                calls.GetEdges = (delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, EdgeData*, nuint*, int>)edges;
                calls.AddDependencies = (delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, EdgeData*, nuint, int>)add;
                calls.RemoveDependencies = (delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, EdgeData*, nuint, int>)remove;
                calls.GetNodeType = (delegate* unmanaged<IntPtr, int*, int>)type;
                calls.GetParameters = (delegate* unmanaged<IntPtr, IntPtr*, int>)parameters;
            }

            return calls;
        }
    }

    /// <summary>CUgraphEdgeData.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct EdgeData
    {
        public byte FromPort, ToPort, Type, R0, R1, R2, R3, R4;
    }
}
