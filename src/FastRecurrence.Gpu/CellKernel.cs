using System.Reflection;

namespace FastRecurrence.Gpu;

/// <summary>One instance of a kernel, and what its compiler is told about its launches.</summary>
/// <param name="Method">The kernel's method, closed over its types.</param>
/// <param name="Threads">The most threads of a group.</param>
/// <param name="GroupsAtOnce">Groups that shall find room on one multiprocessor: bounds the registers of a thread.</param>
internal readonly record struct CellKernel(MethodInfo Method, int Threads, int GroupsAtOnce = 1);
