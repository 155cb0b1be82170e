using System.CommandLine;
using System.Globalization;
using FastRecurrence.GpuCheck;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = new Argument<string>("FOLDER") { Description = "Where the files go." };
var part = new Argument<string>("PART") { Description = "Only kernels with this in their names.", DefaultValueFactory = _ => "" };
var ptx = new Command("ptx", "Writes the CUDA kernels as PTX.") { folder, part };
ptx.SetAction(parsed => PtxDump.Write(parsed.GetValue(folder)!, parsed.GetValue(part)!));
const string Help = "Recurrent kernels on a machine with a GPU: how fast, beside torch, and right or not."
    + " Exit: 0 right, 1 wrong, 2 not understood, 3 nothing to check.";
var root = new RootCommand(Help)
{
    Options.Command(Check.Run),
    ptx,
};
ParseResult line = root.Parse(args);
int exit = line.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
return line.Errors.Count > 0 ? 2 : exit;
