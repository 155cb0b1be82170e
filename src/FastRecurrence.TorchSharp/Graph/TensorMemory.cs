using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchSharp.Graph;

/// <summary>Tensors as the memory that kernels read and write.</summary>
internal static class TensorMemory
{
    /// <summary>The numbers of a contiguous tensor on the CPU, where they lie. Keep the tensor alive while they are used.</summary>
    public static Span<float> Floats(this Tensor tensor) => tensor.numel() == 0 ? default : MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>Refuses what the kernels cannot read; the shape has a −1 where any size will do.</summary>
    /// <exception cref="ArgumentException">It is of another element type, on another device, or of another shape.</exception>
    public static void Require(this Tensor tensor, string module, string name, string symbols, params ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.device_type != DeviceType.CPU)
        {
            throw new ArgumentException(
                $"{name} is on {tensor.device}; {module} computes on the CPU. Move it with .cpu(), or use the module of torch.nn on that device.", name);
        }

        if (tensor.dtype != ScalarType.Float32)
        {
            throw new ArgumentException(
                $"{name} is {tensor.dtype}; {module} computes in Float32. Convert it with .to(ScalarType.Float32), or use the module of torch.nn.", name);
        }

        if (tensor.is_sparse)
            throw new ArgumentException($"{name} is sparse; {module} reads dense tensors. Convert it with .to_dense().", name);
        long[] actual = tensor.shape;
        bool fits = actual.Length == shape.Length;
        for (int i = 0; fits && i < shape.Length; i++)
            fits = shape[i] < 0 || shape[i] == actual[i];
        if (!fits)
        {
            string expected = string.Join(", ", shape.ToArray().Select(n => n < 0 ? "any" : FormattableString.Invariant($"{n}")));
            throw new ArgumentException($"{name} has the shape [{string.Join(", ", actual)}], but {symbols} = [{expected}] is needed.", name);
        }

        const long MostBytes = int.MaxValue;
        if (tensor.numel() > MostBytes / sizeof(float))
            throw new ArgumentException($"{name} has {tensor.numel()} elements; {module} takes tensors of up to 2 GB. Split the batch.", name);
    }

    /// <summary>The tensor itself where it is contiguous, else a copy that is; whoever asks disposes what is not the tensor.</summary>
    public static Tensor Dense(this Tensor tensor) => tensor.is_contiguous() ? tensor : tensor.contiguous();
}
