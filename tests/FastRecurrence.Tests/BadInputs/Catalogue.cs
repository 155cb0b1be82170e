using FastRecurrence.Tests.Arguments;
using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;
using FastRecurrence.Tests.Gpu;
using FastRecurrence.Tests.Import;
using FastRecurrence.Tests.Onnx;
using FastRecurrence.Tests.Simd;
using FastRecurrence.Tests.Stack;

namespace FastRecurrence.Tests.BadInputs;

/// <summary>Where the numbers of the catalogue of bad inputs are tested that are not in the tables of calls and files, or why they are not.</summary>
internal static class Catalogue
{
    /// <summary>Numbers that a test elsewhere holds: the class and its method.</summary>
    public static IEnumerable<(int Number, Type Class, string Method)> Tests =>
    [
        (2, typeof(ArgumentTests), nameof(ArgumentTests.Spans_of_the_wrong_length_name_both_numbers_and_write_nothing)),
        (5, typeof(ArgumentTests), nameof(ArgumentTests.W_of_a_GRU_is_recognised)),
        (6, typeof(ArgumentTests), nameof(ArgumentTests.R_and_b_must_fit)),
        (7, typeof(ArgumentTests), nameof(ArgumentTests.R_and_b_must_fit)),
        (9, typeof(ArgumentTests), nameof(ArgumentTests.Impossible_sizes_are_refused_before_any_allocation)),
        (11, typeof(BackendContract), nameof(BackendContract.Nothing_runs_for_no_rows_or_no_steps)),
        (12, typeof(OnnxOperatorTests), nameof(OnnxOperatorTests.No_steps_give_zero_states_and_no_rows_give_nothing)),
        (16, typeof(OnnxOperatorTests), nameof(OnnxOperatorTests.A_row_without_steps_ends_with_zeros_even_from_an_initial_state)),
        (18, typeof(ArgumentTests), nameof(ArgumentTests.An_Elman_state_has_no_c)),
        (23, typeof(OnnxModelTests), nameof(OnnxModelTests.Alpha_and_beta_go_to_the_functions_that_have_one_and_surplus_is_reported)),
        (25, typeof(OnnxModelTests), nameof(OnnxModelTests.Alpha_and_beta_go_to_the_functions_that_have_one_and_surplus_is_reported)),
        (26, typeof(OnnxModelTests), nameof(OnnxModelTests.Impossible_attributes)),
        (28, typeof(OnnxModelTests), nameof(OnnxModelTests.Impossible_attributes)),
        (29, typeof(ArgumentTests), nameof(ArgumentTests.Spans_of_the_wrong_length_name_both_numbers_and_write_nothing)),
        (30, typeof(ArgumentTests), nameof(ArgumentTests.Overlapping_spans_are_refused)),
        (32, typeof(BitIdentityTests), nameof(BitIdentityTests.Misaligned_spans_give_the_same_bits)),
        (33, typeof(ArgumentTests), nameof(ArgumentTests.Weights_are_a_snapshot_and_their_first_NaN_can_be_found)),
        (34, typeof(BackendContract), nameof(BackendContract.A_NaN_stays_in_its_row_and_begins_at_its_step)),
        (35, typeof(BackendContract), nameof(BackendContract.Saturated_gates_and_infinite_inputs_give_limits_not_NaN)),
        (36, typeof(ArgumentTests), nameof(ArgumentTests.Impossible_sizes_are_refused_before_any_allocation)),
        (37, typeof(BadInputTests), nameof(BadInputTests.Seventy_thousand_steps_run)),
        (38, typeof(ArgumentTests), nameof(ArgumentTests.A_state_in_use_is_refused_to_a_second_thread)),
        (39, typeof(ArgumentTests), nameof(ArgumentTests.Disposed_things_say_so_and_disposing_twice_is_harmless)),
        (40, typeof(ArgumentTests), nameof(ArgumentTests.Disposed_things_say_so_and_disposing_twice_is_harmless)),
        (43, typeof(DeviceTests), nameof(DeviceTests.Absent_devices_are_listed_with_their_reason_and_refuse_work)),
        (46, typeof(ArgumentTests), nameof(ArgumentTests.A_state_is_its_layers_and_its_sizes)),
        (47, typeof(ArgumentTests), nameof(ArgumentTests.Weights_are_a_snapshot_and_their_first_NaN_can_be_found)),
        (48, typeof(OnnxModelTests), nameof(OnnxModelTests.Typed_data_of_every_floating_type)),
        (54, typeof(TeamTests), nameof(TeamTests.A_team_of_impossible_size_is_refused)),
        (97, typeof(OnnxModelTests), nameof(OnnxModelTests.External_data_stay_in_the_models_folder)),
        (103, typeof(OnnxModelTests), nameof(OnnxModelTests.Nodes_inside_other_nodes_are_found_and_see_the_names_around_them)),
        (109, typeof(CaseTests), nameof(CaseTests.Every_case_is_right)),
        (110, typeof(OrderTests), nameof(OrderTests.Keras_lstm)),
        (110, typeof(LayoutCheckTests), nameof(LayoutCheckTests.The_one_layout_that_fits_is_found)),
        (111, typeof(CaseTests), nameof(CaseTests.Every_case_is_right)),
        (112, typeof(MaskedSequenceTests), nameof(MaskedSequenceTests.Steps_left_out_are_not_there)),
        (113, typeof(CatalogueTests), nameof(CatalogueTests.Hard_sigmoid_of_Keras_2_and_3_differ)),
    ];

    /// <summary>Numbers without a test, with the reason.</summary>
    public static IEnumerable<(int Number, string Reason)> Untested =>
    [
        (44, "Exhausting a device needs one of its own; the typed exception with the requested bytes is that of 45."),
        (49, "No big-endian .NET host to test on; every reader names its byte order (BinaryPrimitives.…LittleEndian)."),
        (50, "There is no backward pass."),
        (51, "There is no backward pass."),
        (52, "There is no backward pass."),
        (53, "There is no training."),
        (59, "verify and inspect write to stdout alone: no output can be an input."),
        (61, "No command reads csv."),
        (62, "No command reads csv."),
        (63, "No command reads csv."),
        (68, "Needs a shell around the process; the console swallows a broken pipe, and a stdout that fails is 60's test."),
        (114, "A stateful layer stores nothing: the caller carries the state, as the documentation of KerasWeights says."),
        (115, "TensorFlow weights are passed as arrays: no such name is read."),
    ];
}
