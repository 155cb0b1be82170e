using System.CommandLine;
using BenchmarkDotNet.Running;
using FastRecurrence.Bench.Peers;
using FastRecurrence.Bench.Peers.Training;
using FastRecurrence.Bench.Ragged;
using FastRecurrence.Bench.Training;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
// dotnet run -c Release --project bench/FastRecurrence.Bench -- peers --quick
// dotnet run -c Release --project bench/FastRecurrence.Bench -- ragged
// dotnet run -c Release --project bench/FastRecurrence.Bench -- training-phases
// scripts/peers-with-torch --train --quick
if (args is [TorchServer.Command])
    return TorchServer.Run();
if (args is ["peers" or "ragged" or "training-phases" or "--help" or "-h" or "-?", ..])
{
    return new RootCommand("peers, ragged and training-phases; any other line goes to BenchmarkDotNet, such as --list flat.")
    {
        PeerOptions.Command(options => options.Train ? TrainingCommand.Run(options, args) : PeersCommand.Run(options, args)),
        RaggedCommand.Create(),
        TrainingPhasesCommand.Create(),
    }.Parse(args).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
