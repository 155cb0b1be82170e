using System.Xml.Linq;
using FastRecurrence.PackageTool;

// What the build needs for its packages, and what holds the packages to their promises:
//   package-tool docs ASSEMBLY XML      takes the documentation of members that no user can see out of the file
//   package-tool readme FROM TO [URL]   fills the project's address in; lines that need it go while there is none
//   package-tool check FOLDER           looks into every package of the folder; exit code 1 with a line for each fault
switch (args)
{
    case ["docs", string assembly, string documentation]:
        using (FileStream stream = File.OpenRead(assembly))
        {
            HashSet<string> visible = PublicMembers.Of(stream);
            XDocument document = XDocument.Load(documentation, LoadOptions.PreserveWhitespace);
            XElement members = document.Root!.Element("members")!;
            XElement[] hidden = [.. members.Elements("member").Where(m => !visible.Contains((string)m.Attribute("name")!))];
            if (hidden.Length == 0)
                return 0;
            foreach (XElement member in hidden)
            {
                if (member.PreviousNode is XText space)
                    space.Remove();
                member.Remove();
            }

            document.Save(documentation, SaveOptions.DisableFormatting);
        }

        return 0;
    case ["readme", string from, string to, .. string[] url]:
        const string Placeholder = "{ProjectUrl}";
        string address = url.Length == 0 ? "" : url[0].TrimEnd('/');
        IEnumerable<string> lines = File.ReadLines(from).Where(line => address.Length > 0 || !line.Contains(Placeholder, StringComparison.Ordinal));
        string text = string.Join('\n', lines.Select(line => line.Replace(Placeholder, address, StringComparison.Ordinal))).TrimEnd() + "\n";
        if (!File.Exists(to) || File.ReadAllText(to) != text)
            File.WriteAllText(to, text);
        return 0;
    case ["check", string folder]:
        string[] packages = Directory.GetFiles(folder, "*.nupkg");
        string[] faults = [.. packages.SelectMany(PackageCheck.Faults), .. packages.Length == 0 ? [$"{folder}: no package"] : Array.Empty<string>()];
        foreach (string fault in faults)
            Console.Error.WriteLine(fault);
        Console.WriteLine($"{packages.Length} packages, {faults.Length} faults");
        return faults.Length == 0 ? 0 : 1;
    default:
        Console.Error.WriteLine("usage: package-tool docs ASSEMBLY XML | package-tool readme FROM TO [URL] | package-tool check FOLDER");
        return 2;
}
