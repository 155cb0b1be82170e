using System.CommandLine;
using BenchmarkDotNet.Running;
using FastRecurrence.Bench.Peers;
using FastRecurrence.Bench.Ragged;
using FastRecurrence.Bench.Streams;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
// dotnet run -c Release --project bench/FastRecurrence.Bench -- peers --quick
// dotnet run -c Release --project bench/FastRecurrence.Bench -- ragged
// dotnet run -c Release --project bench/FastRecurrence.Bench -- streams --quick
if (args is ["peers" or "ragged" or "streams" or "--help" or "-h" or "-?", ..])
{
    return new RootCommand("peers, ragged and streams; any other line goes to BenchmarkDotNet, such as --list flat.")
    {
        PeerOptions.Command(options => PeersCommand.Run(options, args)),
        RaggedCommand.Create(),
        StreamsCommand.Create(),
    }.Parse(args).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
