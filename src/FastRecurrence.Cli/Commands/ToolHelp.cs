using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace FastRecurrence.Cli.Commands;

/// <summary>The parser's help, then examples, and at the top what all commands share: exit codes and environment variables.</summary>
internal sealed class ToolHelp(HelpAction standard) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> s_examples = new()
    {
        ["info"] = ["info", "info -o json"],
        ["exercises"] = ["exercises", "exercises 6 --explain -B reference"],
        ["verify"] = ["verify", "verify -c lstm -H 64,65 -B simd", "verify --cases my-cases -B simd", "verify --fuzz 100000",
            "verify --activations -B simd-256"],
        ["inspect"] = ["inspect model.onnx", "inspect model.safetensors --prefix decoder.", "inspect model.safetensors --time -B simd -b 1,16"],
        ["sweep"] = ["sweep -H 64..512 -b 1,16", "sweep -p lstm_t50_n16_i256_h256_l2_bi --threads 1,all --save run.json",
            "sweep --model model.onnx -b 1,16 --pin", "sweep --preset gnmt --dry-run",
            "sweep -b 1,16 --save new.json --against ../old/fastrecurrence.dll --save-base old.json"],
        ["crossover"] = ["crossover", "crossover -c gru -H 512 -b 1..1024 --transfers included --save crossover.json"],
        ["compare"] = ["compare base.json new.json", "compare base.json new.json --threshold 5 --strict"],
        ["report"] = ["report run.json -o md", "report run.json -o csv > run.csv", "report run.json --html run.html"],
    };

    public override int Invoke(ParseResult parseResult)
    {
        int code = standard.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        string command = parseResult.CommandResult.Command.Name;
        if (s_examples.TryGetValue(command, out string[]? examples))
        {
            output.WriteLine("Examples:");
            foreach (string example in examples)
                output.WriteLine($"  fastrecurrence {example}");
            output.WriteLine();
        }

        if (command == "sweep")
        {
            output.WriteLine("Presets:");
            foreach (Preset preset in Preset.All)
                output.WriteLine($"  {preset.Name,-17} {preset.Source}, {preset.Problems.Count} problems");
            output.WriteLine();
        }

        output.WriteLine("""
            Exit codes:
              0 all right   1 something failed, or a named backend is absent   2 the command line is wrong   3 compare: slower
              4 a number is wrong   5 compare --strict: ambiguous   130 cancelled

            Environment variables:
              FASTRECURRENCE_SIMD        the SIMD backend that simd stands for, such as simd-256
              FASTRECURRENCE_GPU_KERNEL  the kernel that devices run, instead of the model's choice
              FASTRECURRENCE_PEERS       where FastRecurrence.Peers.dll lies, for sweep --peers

            'fastrecurrence help <command>' shows a command's options.
            """);
        return code;
    }
}
