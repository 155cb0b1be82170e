using BenchmarkDotNet.Running;

// dotnet run -c Release --project bench/FastRecurrence.Bench -- --list flat
// dotnet run -c Release --project bench/FastRecurrence.Bench -- --filter '*Step*' --job short
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
