using System.Globalization;

namespace FastRecurrence.Cli;

/// <summary>The process's side of the tool: console, Ctrl-C, culture. Everything else is behind <see cref="Run"/>, which tests call in process.</summary>
internal static class Program
{
    /// <summary>What a command gets to stop by itself after Ctrl-C, before the process ends anyway.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private static int Main(string[] args)
    {
        using var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            cancellation.Cancel();
            // A kernel in progress does not look at tokens, and nothing half-written is left: results go to stdout alone.
            _ = Task.Delay(s_grace).ContinueWith(_ => Environment.Exit(ExitCode.Cancelled), TaskScheduler.Default);
        };
        return Run(args, Console.Out, Console.Error, showProgress: !Console.IsErrorRedirected, cancellation.Token);
    }

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code, one of <see cref="ExitCode"/>.</returns>
    internal static int Run(string[] args, TextWriter output, TextWriter error, bool showProgress = false, CancellationToken cancellation = default)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var session = new Session(output, error, showProgress, cancellation);
        try
        {
            int code = CommandLine.Invoke(args, session);
            output.Flush();
            return code;
        }
        catch (CommandException e)
        {
            session.Fail(e);
            return e.ExitCode;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            session.Fail("cancelled");
            return ExitCode.Cancelled;
        }
        catch (Exception e)
        {
            session.Fail(e);
            return ExitCode.Failure;
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
