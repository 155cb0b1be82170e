using System.CommandLine;
using BenchmarkDotNet.Running;
using FastRecurrence.Bench.Peers;
using FastRecurrence.Bench.Peers.Training;
using FastRecurrence.Bench.Ragged;
using FastRecurrence.Bench.Streams;
using FastRecurrence.Bench.Training;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
// dotnet run -c Release --project bench/FastRecurrence.Bench -- peers --quick
// dotnet run -c Release --project bench/FastRecurrence.Bench -- ragged
// dotnet run -c Release --project bench/FastRecurrence.Bench -- training-phases
// dotnet run -c Release --project bench/FastRecurrence.Bench -- streams --quick
// scripts/peers-with-torch --train --quick
if (args is [TorchServer.Command])
    return TorchServer.Run();
if (args is ["peers" or "ragged" or "streams" or "training-phases" or "--help" or "-h" or "-?", ..])
{
    return new RootCommand("peers, ragged, streams and training-phases; any other line goes to BenchmarkDotNet, such as --list flat.")
    {
        PeerOptions.Command(options => options.Train ? TrainingCommand.Run(options, args) : PeersCommand.Run(options, args)),
        RaggedCommand.Create(),
        StreamsCommand.Create(),
        TrainingPhasesCommand.Create(),
    }.Parse(args).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
