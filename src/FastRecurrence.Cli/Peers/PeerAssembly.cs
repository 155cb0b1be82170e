using System.Reflection;
using System.Runtime.Loader;

namespace FastRecurrence.Cli.Peers;

/// <summary>The optional assembly with other libraries: found beside the tool or where FASTRECURRENCE_PEERS says, loaded when a peer is named.</summary>
internal static class PeerAssembly
{
    public const string Variable = "FASTRECURRENCE_PEERS";
    private const string File = "FastRecurrence.Peers.dll";
    private static readonly Lazy<IReadOnlyList<IPeer>> s_peers = new(Load);

    /// <exception cref="CommandException">The assembly is absent or broken, or has no such peer.</exception>
    public static IPeer Find(string name) =>
        s_peers.Value.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw CommandException.Usage($"--peers: '{name}' is not a peer. Use {string.Join(", ", s_peers.Value.Select(p => p.Name))}.");

    /// <summary>The machine with the versions of the peers, if any was named.</summary>
    public static Machine AddVersions(Machine machine) => !s_peers.IsValueCreated ? machine
        : machine with { Versions = machine.Versions.Concat(s_peers.Value.Select(p => KeyValuePair.Create(p.Name, p.Version))).ToDictionary() };

    private static IReadOnlyList<IPeer> Load()
    {
        string path = Path.Combine(AppContext.BaseDirectory, File);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder)
            path = Path.GetFullPath(Directory.Exists(folder) ? Path.Combine(folder, File) : folder);
        if (!System.IO.File.Exists(path))
        {
            throw new CommandException(ExitCode.Failure, $"--peers needs the optional assembly {File}, which is not at {path}: "
                + $"build bench/FastRecurrence.Peers and set {Variable} to its folder");
        }

        try
        {
            Assembly assembly = new Context(path).LoadFromAssemblyPath(path);
            IEnumerable<Type> peers = assembly.GetTypes().Where(t => t.IsClass && !t.IsAbstract && typeof(IPeer).IsAssignableFrom(t));
            return [.. peers.Select(t => (IPeer)Activator.CreateInstance(t, nonPublic: true)!)];
        }
        catch (Exception e) when (e
            is IOException or BadImageFormatException or ReflectionTypeLoadException or TargetInvocationException or MissingMethodException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot load {path}: {(e as TargetInvocationException)?.InnerException?.Message ?? e.Message}", e);
        }
    }

    /// <summary>Its own dependencies come from beside it; what the tool has already is shared, so that both mean the same types.</summary>
    private sealed class Context(string path) : AssemblyLoadContext(File)
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName name)
        {
            if (Default.Assemblies.Any(a => a.GetName().Name == name.Name))
                return null;
            return _resolver.ResolveAssemblyToPath(name) is { } found ? LoadFromAssemblyPath(found) : null;
        }

        protected override nint LoadUnmanagedDll(string name) => _resolver.ResolveUnmanagedDllToPath(name) is { } found ? LoadUnmanagedDllFromPath(found) : 0;
    }
}
