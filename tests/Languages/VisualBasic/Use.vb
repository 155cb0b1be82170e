Imports FastRecurrence

Public Module Use

    ''' <summary>Every variation of a shape.</summary>
    Public Function Shape() As LayerShape
        Return LayerShape.Lstm(3, 5) _
            .WithGateActivation(Activation.HardSigmoid) _
            .WithCandidateActivation(Activation.Softsign) _
            .WithCellActivation(New ActivationFunction(Activation.Elu, 0.7F)) _
            .WithPeepholes() _
            .WithCoupledInputForget() _
            .WithProjection(2) _
            .WithClip(3.0F)
    End Function

    ''' <summary>Rows of different lengths, reverse, batch-major, with gates and cells: h of every step.</summary>
    Public Function Run(backend As Backend) As Single()
        Using layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), 1)), state = layer.CreateState(2)
            Dim x = Enumerable.Range(0, 4 * 2 * 3).Select(Function(i) i / 24.0F).ToArray()
            Dim y(4 * 2 * 5 - 1) As Single
            Dim settings As New SequenceSettings With {
                .Lengths = {4, 2},
                .Direction = Direction.Reverse,
                .Padding = Padding.Left,
                .Layout = SequenceLayout.BatchMajor,
                .Gates = New Single(4 * 2 * 4 * 5 - 1) {},
                .Cells = New Single(4 * 2 * 5 - 1) {}
            }
            layer.Run(state, 4, x, y, settings)
            Return y
        End Using
    End Function

End Module
