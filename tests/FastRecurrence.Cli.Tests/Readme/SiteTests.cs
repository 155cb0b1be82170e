using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastRecurrence.Cli.Tests.Tool;
using FastRecurrence.Gpu;
using FastRecurrence.Onnx;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The static site that scripts/site builds: every page and public type is there, every link leads somewhere, and a browser shows it.</summary>
public sealed partial class SiteTests
{
    private static readonly string s_site = Path.Combine(Repository.Root, "artifacts/site");

    [Fact]
    public void Every_page_and_every_public_type_has_its_place()
    {
        Require();
        string[] pages = [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(p => $"docs/{Path.GetFileNameWithoutExtension(p)}.html")];
        Assert.True(pages.Length > 10);
        string[] types = [.. new[] { typeof(Backend), typeof(GpuBackends), typeof(OnnxModel) }.SelectMany(t => t.Assembly.GetExportedTypes()).Select(t => $"api/{t.FullName!.Replace('+', '.').Replace('`', '-')}.html")];
        Assert.True(types.Length > 50);
        Assert.All(pages.Concat(types).Append("index.html"), page => Assert.True(File.Exists(Path.Combine(s_site, page)), $"{page} is not there: run scripts/site again"));
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(s_site, "api")), file => file.Contains("FastRecurrence.Cpu", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_link_leads_somewhere()
    {
        Require();
        string[] files = Directory.GetFiles(s_site, "*.html", SearchOption.AllDirectories);
        var anchors = files.ToDictionary(Path.GetFullPath, file => Anchor().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).ToHashSet());
        int links = 0;
        var broken = new List<string>();
        foreach (string file in files)
        {
            foreach (string link in Link().Matches(File.ReadAllText(file)).Select(m => WebUtility.HtmlDecode(m.Groups[1].Value)).Where(link => !Elsewhere().IsMatch(link)))
            {
                links++;
                string[] parts = link.Split('#', 2);
                string path = Uri.UnescapeDataString(parts[0].Split('?')[0]);
                string target = path.Length == 0 ? Path.GetFullPath(file) : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path));
                if (!Path.Exists(target) || (parts.Length == 2 && parts[1].Length > 0 && anchors.TryGetValue(target, out HashSet<string>? known) && !known.Contains(Uri.UnescapeDataString(parts[1]))))
                    broken.Add($"{Path.GetRelativePath(s_site, file)}: {link}");
            }
        }

        Assert.True(links > 1000, $"only {links} links found");
        Assert.Empty(broken);
    }

    [Theory]
    [InlineData("index.html", 1400)]
    [InlineData("index.html", 390)]
    [InlineData("docs/embed.html", 1400)]
    [InlineData("docs/performance.html", 390)]
    [InlineData("api/FastRecurrence.Backend.html", 1400)]
    public void A_browser_shows_a_page_without_a_complaint(string page, int width)
    {
        Require();
        Browser.Require();
        using var server = new Server(s_site, $"<body style=\"margin:0\"><iframe src=\"/{page}\" style=\"border:0;width:{width}px;height:900px\"></iframe><script>{Look}</script></body>");
        (string document, string console) = Browser.Open($"{server.Address}frame", width, 900);
        Assert.Equal("", console);
        Assert.Empty(server.Missing);
        Match found = Regex.Match(document, "<meta name=\"found\" content=\"([^\"]*)\"");
        Assert.True(found.Success, "the page was not looked at");
        JsonElement seen = JsonDocument.Parse(WebUtility.HtmlDecode(found.Groups[1].Value)).RootElement;
        Assert.Equal(width, seen.GetProperty("window").GetInt32());
        Assert.True(seen.GetProperty("page").GetInt32() <= width, $"{page} is {seen.GetProperty("page")} wide in {width}");
        Assert.NotEqual("", seen.GetProperty("head").GetString());
        Assert.True(seen.GetProperty("contents").GetInt32() > 3, "the table of contents was not filled");
        Assert.Equal(0, seen.GetProperty("pictures").GetInt32());
    }

    private const string Look = """
        const frame = document.querySelector("iframe");
        frame.addEventListener("load", () => setTimeout(() => {
          const page = frame.contentDocument, meta = document.createElement("meta");
          meta.name = "found";
          meta.content = JSON.stringify({
            window: frame.contentWindow.innerWidth, page: page.documentElement.scrollWidth, head: page.querySelector("h1")?.textContent ?? "",
            contents: page.querySelectorAll("nav a, .toc a").length, pictures: [...page.images].filter(i => !i.complete || i.naturalWidth === 0).length });
          document.head.append(meta);
        }, 700));
        """;

    private static void Require()
    {
        if (!File.Exists(Path.Combine(s_site, "index.html")))
            Assert.Skip("the site is not built: scripts/site does that (CI runs it before the tests)");
    }

    /// <summary>A folder over HTTP, since scripts of a page may not read files; with one page more, and a list of what was asked for in vain.</summary>
    private sealed class Server : IDisposable
    {
        private readonly HttpListener _listener = new();

        public Server(string folder, string frame)
        {
            Address = $"http://localhost:{FreePort()}/";
            _listener.Prefixes.Add(Address);
            _listener.Start();
            _ = Serve(folder, frame);
        }

        public string Address { get; }

        public List<string> Missing { get; } = [];

        public void Dispose() => _listener.Close();

        private static int FreePort()
        {
            using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            return ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        private async Task Serve(string folder, string frame)
        {
            while (_listener.IsListening)
            {
                HttpListenerContext context;
                try
                {
                    context = await _listener.GetContextAsync();
                }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }

                string path = context.Request.Url!.AbsolutePath, file = Path.Combine(folder, path.TrimStart('/'));
                byte[]? bytes = path == "/frame" ? System.Text.Encoding.UTF8.GetBytes(frame) : File.Exists(file) ? await File.ReadAllBytesAsync(file) : null;
                if (bytes is null && path != "/favicon.ico")
                {
                    lock (Missing)
                        Missing.Add(path);
                }

                context.Response.StatusCode = bytes is null ? 404 : 200;
                context.Response.ContentType = Path.GetExtension(path) switch { ".css" => "text/css", ".js" => "text/javascript", ".json" => "application/json", ".svg" => "image/svg+xml", ".png" => "image/png", ".woff2" => "font/woff2", _ => "text/html; charset=utf-8" };
                await context.Response.OutputStream.WriteAsync(bytes ?? []);
                context.Response.Close();
            }
        }
    }

    [GeneratedRegex("(?:href|src)=\"([^\"]+)\"")]
    private static partial Regex Link();

    [GeneratedRegex("(?:id|name)=\"([^\"]+)\"")]
    private static partial Regex Anchor();

    [GeneratedRegex("^(https?:|mailto:|data:|javascript:)")]
    private static partial Regex Elsewhere();
}
