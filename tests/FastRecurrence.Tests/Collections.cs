namespace FastRecurrence.Tests;

/// <summary>
/// Tests that run kernels on a device: one after the other and beside nothing else, since OpenCL on the CPU leaves outputs unwritten now and then where
/// others keep the processors busy.
/// </summary>
[CollectionDefinition("devices", DisableParallelization = true)]
public sealed class Devices;

/// <summary>Tests of worker threads that spin, which others would slow down.</summary>
[CollectionDefinition("teams", DisableParallelization = true)]
public sealed class Teams;
