using BenchmarkDotNet.Running;
using FastRecurrence.Bench.Peers;
using FastRecurrence.Bench.Ragged;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
// dotnet run -c Release --project bench/FastRecurrence.Bench -- peers --quick
// dotnet run -c Release --project bench/FastRecurrence.Bench -- ragged
if (args is ["peers", .. string[] rest])
    return PeersCommand.Run(rest);
if (args is ["ragged", .. string[] options])
    return RaggedCommand.Run(options);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
