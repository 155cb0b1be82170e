using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>The code of the package's readme, word for word between the marks; it runs.</summary>
public sealed partial class PackageExample
{
    [Fact]
    public void The_readme_shows_the_code_that_runs_here()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "src/FastRecurrence.Orleans/PACKAGE.md")).ReplaceLineEndings("\n");
        string source = File.ReadAllText(Path.Combine(Repository.Root, "tests/FastRecurrence.Orleans.Tests/Protocol/PackageExample.cs")).ReplaceLineEndings("\n");
        string tested = string.Join('\n', Marked().Matches(source).Select(part => Indentation().Replace(part.Groups[1].Value, "").Trim('\n', ' ') + "\n")).Trim('\n');
        string shown = Usings().Replace(Code().Match(readme).Groups[1].Value, "").Trim('\n');
        Assert.Equal(shown, tested);
    }

    [Fact]
    public async Task It_runs()
    {
        // The readme's file and its default ports: in a folder of its own, and one test at a time.
        string folder = Directory.CreateTempSubdirectory("package-example").FullName, before = Directory.GetCurrentDirectory();
        Directory.SetCurrentDirectory(folder);
        try
        {
            using RecurrentStack stack = Nets.Small();
            HostApplicationBuilder builder = Host.CreateApplicationBuilder();
            builder.Logging.ClearProviders();
            // shown
            // A silo. One machine: localhost clustering and a SQLite file; or your own clustering and storage, such as Redis.
            builder.UseOrleans(silo => silo
                .UseOneMachineForStreams("streams.db")
                .AddFastRecurrenceStreams(_ => stack));
            // end
            using IHost host = builder.Build();
            await host.StartAsync(TestContext.Current.CancellationToken);
            IGrainFactory grains = host.Services.GetRequiredService<IGrainFactory>();

            // shown
            // A caller, in the silo or in a client of the cluster.
            ClusterStream stream = await ClusterStream.OpenAsync(grains, "caller-17");
            float[] x = new float[stream.InputSize], y = new float[stream.OutputSize];
            await stream.PushAsync(x, y);          // waits, repeats and sends again as silos and storages come and go
            await stream.CloseAsync();
            // end
            Assert.Contains(y, value => value != 0);
            await host.StopAsync(TestContext.Current.CancellationToken);
            Assert.True(File.Exists("streams.db"));
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"// shown\n(.*?)\n *// end\n", RegexOptions.Singleline)]
    private static partial Regex Marked();

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^using [^\n(]*;\n", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex("^ {12}", RegexOptions.Multiline)]
    private static partial Regex Indentation();
}
