module FSharpUse.Use

open System
open FastRecurrence

/// Every variation of a shape.
let shape () =
    LayerShape.Lstm(3, 5)
        .WithGateActivation(ActivationFunction.From Activation.HardSigmoid)
        .WithCandidateActivation(ActivationFunction.From Activation.Softsign)
        .WithCellActivation(ActivationFunction(Activation.Elu, 0.7f))
        .WithPeepholes()
        .WithCoupledInputForget()
        .WithProjection(2)
        .WithClip(3.0f)

let gru () = LayerShape.Gru(3, 5).WithLinearBeforeReset(false)

/// Rows of different lengths, reverse, batch-major, with gates and cells: h of every step.
let run (backend: Backend) =
    use layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), 1))
    use state = layer.CreateState 2
    let x = Array.init (4 * 2 * 3) (fun i -> float32 i / 24.0f)
    let y = Array.zeroCreate<float32> (4 * 2 * 5)
    let settings =
        SequenceSettings(
            Lengths = [| 4; 2 |],
            Direction = Direction.Reverse,
            Padding = Padding.Left,
            Layout = SequenceLayout.BatchMajor,
            Gates = Array.zeroCreate (4 * 2 * 4 * 5),
            Cells = Array.zeroCreate (4 * 2 * 5))
    layer.Run(state, 4, ReadOnlySpan x, Span y, settings)
    y

/// A stack of two layers, and its last output alone.
let last (backend: Backend) =
    let layers: StackLayer[] =
        [| StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(3, 5), 1))
           StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(5, 4), 2)) |]
    use stack = new RecurrentStack(backend, layers)
    use state = stack.CreateState 1
    let y = Array.zeroCreate<float32> 4
    stack.RunToLast(state, 2, ReadOnlySpan [| 0.1f; 0.2f; 0.3f; 0.4f; 0.5f; 0.6f |], Span y)
    y
