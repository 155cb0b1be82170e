using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>Launches <see cref="InputGemmKernel"/>.</summary>
internal delegate void InputGemmLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> input, ArrayView<Quad> weights, ArrayView<Quad> bias, ArrayView<Quad> preactivation, int rowCount, int inputSize, int quads);

/// <summary>Launches <see cref="TileStepKernel"/> or <see cref="SliceStepKernel"/>.</summary>
internal delegate void StepLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> hidden, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> output, ArrayView<float> gates, int batchSize, int depth, int hiddenSize, int quads, CellParameters cell, int wantGates);

/// <summary>Launches <see cref="GroupSequenceKernel"/>.</summary>
internal delegate void GroupSequenceLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> gates, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates);

/// <summary>Launches <see cref="GridSequenceKernel"/>.</summary>
internal delegate void GridSequenceLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> nextOwn, ArrayView<float> gates, ArrayView<int> flags, OtherDirection other, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates, int pollBudget);
