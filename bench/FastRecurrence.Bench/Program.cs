using BenchmarkDotNet.Running;
using FastRecurrence.Bench.Peers;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
// dotnet run -c Release --project bench/FastRecurrence.Bench -- peers --quick
if (args is ["peers", .. string[] rest])
    return PeersCommand.Run(rest);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
