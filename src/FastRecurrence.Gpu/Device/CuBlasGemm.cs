using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>NVIDIA's own SGEMM. One handle a device, kept as long as the device; not safe for threads: use it inside <see cref="GpuDevice.Enter"/>.</summary>
internal sealed class CuBlasGemm
{
    private readonly string _backend;
    private readonly CuBlas _library;

    private CuBlasGemm(string backend, CuBlas library) => (_backend, _library) = (backend, library);

    /// <summary>Loads the library, or says why it does not load. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public static CuBlasGemm? TryLoad(string backend, CudaAccelerator accelerator, out string? reason)
    {
        DriverLibraries.RegisterCuBlas();
        try
        {
            var library = new CuBlas(accelerator) { MathMode = CuBlasMathMode.DefaultMath }; // no tf32, whatever was set before
            reason = null;
            return new CuBlasGemm(backend, library);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            reason = $"cuBLAS 10 to 13 is not on the library path ({e.Message})";
        }
        catch (CuBlasException e)
        {
            reason = $"cuBLAS loads, but does not start: {e.Error}";
        }

        return null;
    }

    /// <summary>Adds x·W to <paramref name="sums"/>, in the sizes of <paramref name="call"/>; enqueued.</summary>
    /// <exception cref="DeviceException">cuBLAS refused.</exception>
    public void MultiplyAdd(AcceleratorStream stream, ArrayView<float> input, ArrayView<float> weights, ArrayView<float> sums, ColumnMajor call)
    {
        try
        {
            _library.Stream = (CudaStream)stream;
            const CuBlasOperation AsItIs = CuBlasOperation.NonTranspose;
            _library.Gemm(AsItIs, AsItIs, call.M, call.N, call.K, 1f, weights, call.Lda, input, call.Ldb, 1f, sums, call.Ldc);
        }
        catch (CuBlasException e)
        {
            throw new DeviceException(_backend, $"multiply {call.N} × {call.K} by {call.K} × {call.M} with cuBLAS ({e.Error})", 0, e);
        }
    }

    /// <summary>
    /// SGEMM's numbers for row-major matrices. To its column-major eyes each is its own transpose, so that it computes <c>sumsᵀ += Wᵀ·xᵀ</c>: A is W, B is x.
    /// </summary>
    internal readonly record struct ColumnMajor(int M, int N, int K, int Lda, int Ldb, int Ldc)
    {
        public static ColumnMajor Of(int rows, int inputSize, int columns) =>
            new(M: columns, N: rows, K: inputSize, Lda: columns, Ldb: inputSize, Ldc: columns);
    }
}
