using System.Diagnostics;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>Headless Chromium, for looking at a page as a person's browser shows it.</summary>
internal static class Browser
{
    private static readonly string? s_path = Find();

    /// <summary>Skips the test, visibly, where there is none.</summary>
    public static void Require()
    {
        if (s_path is null)
            Assert.Skip("Chromium is not installed (Debian: apt-get install chromium); the report's layout was not looked at");
    }

    /// <summary>The page's document after its scripts ran, and what the console said.</summary>
    public static (string Document, string Console) Open(string page, int width, int height, bool dark = false)
    {
        string profile = Directory.CreateTempSubdirectory("chromium").FullName;
        try
        {
            var start = new ProcessStartInfo(s_path!) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string argument in (string[])[
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=2000", $"--user-data-dir={profile}", $"--window-size={width},{height}", "--dump-dom", new Uri(page).AbsoluteUri])
                start.ArgumentList.Add(argument);
            if (dark)
                start.ArgumentList.Insert(0, "--blink-settings=preferredColorScheme=0");
            using Process process = Process.Start(start)!;
            Task<string> complaints = process.StandardError.ReadToEndAsync();
            string document = process.StandardOutput.ReadToEnd();
            if (!process.WaitForExit(60_000))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail("Chromium did not end");
            }

            return (document, string.Join('\n', complaints.Result.Split('\n').Where(l => l.Contains(":CONSOLE", StringComparison.Ordinal))));
        }
        finally
        {
            Delete(profile);
        }
    }

    private static string? Find() =>
        (from name in (string[])["chromium", "chromium-browser", "google-chrome"]
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
         let path = Path.Combine(folder, name)
         where File.Exists(path)
         select path).FirstOrDefault();

    /// <summary>Its helpers may still write for a moment.</summary>
    private static void Delete(string folder)
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (IOException)
            {
                Thread.Sleep(100);
            }
        }
    }
}
