using System.CommandLine;
using System.Text.Json;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary>The hidden command that a sweep starts once for every launch: a plan on stdin, a line of JSON for each point on stdout.</summary>
internal static class LaunchCommand
{
    public static Command Create(Session session)
    {
        var command = new Command(LaunchProcess.Command, "One launch of a sweep; 'sweep' starts it.") { Hidden = true };
        command.SetAction(_ =>
        {
            LaunchPlan plan;
            try
            {
                plan = JsonOutput.Deserialize<LaunchPlan>(Console.In.ReadToEnd());
            }
            catch (JsonException e)
            {
                throw new CommandException(ExitCode.Usage, $"stdin holds no plan: {e.Message}", e);
            }

            if (plan.Schema != LaunchPlan.CurrentSchema)
                throw new CommandException(ExitCode.Usage, $"the plan is of schema '{plan.Schema}', this build reads '{LaunchPlan.CurrentSchema}'.");
            using var teams = new Teams(plan.Settings.Pin);
            new Launch(plan, teams, message => session.WriteLine(JsonOutput.SerializeLine(message)), session.Cancellation).Run();
            return ExitCode.Ok;
        });
        return command;
    }
}
