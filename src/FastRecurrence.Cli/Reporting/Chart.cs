using System.Globalization;
using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace FastRecurrence.Cli.Reporting;

/// <summary>One chart as data; drawn twice, for a wide window and for a narrow one. Title and legend are the page's.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="XTitle">What lies along, logarithmic.</param>
/// <param name="XBase">2 for sizes, 10 else.</param>
/// <param name="YTitle">What stands up, logarithmic unless <paramref name="IsLinear"/>.</param>
/// <param name="Series">Lines or points.</param>
/// <param name="IsLinear">Whether what stands up begins at 0 and is linear.</param>
internal sealed partial record Chart(string Title, string XTitle, double XBase, string YTitle, IReadOnlyList<ChartSeries> Series, bool IsLinear = false)
{
    /// <summary>The style sheet has the colours: <c>--c0</c> to <c>--c7</c> for series, then for limits, texts, grids.</summary>
    private const int Colours = 8, Limit = 8, Ink = 9, Grid = 10, FineGrid = 11;

    private static readonly MarkerType[] s_markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];

    private static readonly LineStyle[] s_dashes = [LineStyle.Dash, LineStyle.Dot, LineStyle.LongDash, LineStyle.DashDot, LineStyle.LongDashDot];

    /// <summary>More would be told apart by nobody.</summary>
    public static int MostSeries => Colours;

    /// <summary>In words, for who cannot see it.</summary>
    public string Description =>
        $"{Title}: {YTitle} against {XTitle}; {string.Join(", ", Series.Select(s => s.Name))}. The numbers stand in the tables below.";

    /// <summary>What the template makes an SVG of: a drawing in the style sheet's colours, and a mark for each point; its ids begin with the key.</summary>
    public object Drawing(string key, int width, int height)
    {
        PlotModel model = Model(width);
        // Without the workaround some viewers cut vertical texts.
        var exporter = new OxyPlot.SvgExporter { Width = width, Height = height, UseVerticalTextAlignmentWorkaround = true, IsDocument = false };
        string drawn = exporter.ExportToString(model);
        drawn = drawn[drawn.IndexOf("<defs", StringComparison.Ordinal)..drawn.LastIndexOf("</svg>", StringComparison.Ordinal)];
        return new
        {
            Size = $"{width} {height}",
            Svg = Paint().Replace(Id().Replace(drawn, key), "var(--c$1)"),
            Marks = from pair in Series.Zip(model.Series.Cast<LineSeries>()).Index()
                    from p in pair.Item.First.Points
                    where p.Note.Length > 0
                    let at = pair.Item.Second.Transform(new DataPoint(p.X, p.Y))
                    let most = pair.Item.Second.Transform(new DataPoint(p.X, p.Most)).Y
                    let least = pair.Item.Second.Transform(new DataPoint(p.X, p.Least)).Y
                    select new { Colour = pair.Index % Colours, at.X, at.Y, Most = most, Least = least, p.Note, p.Label },
        };
    }

    private PlotModel Model(int width)
    {
        bool narrow = width < 600;
        var model = new PlotModel
        {
            DefaultFont = "sans-serif",
            DefaultFontSize = narrow ? 11 : 12,
            TextColor = Colour(Ink),
            PlotAreaBorderColor = Colour(Limit),
            Padding = new OxyThickness(8, 8, 16, 8),
        };
        ChartPoint[] all = [.. Series.SelectMany(s => s.Points)];
        model.Axes.Add(Styled(new SizeAxis { Base = XBase }, AxisPosition.Bottom, XTitle, all.Select(p => p.X)));
        Axis up = IsLinear ? new LinearAxis() : new SizeAxis { Base = 10 };
        model.Axes.Add(Styled(up, AxisPosition.Left, YTitle, all.SelectMany(p => new[] { p.Y, p.Least, p.Most })));
        int limits = 0;
        for (int i = 0; i < Series.Count; i++)
        {
            ChartSeries series = Series[i];
            OxyColor colour = Colour(series.IsLimit ? Limit : i % Colours);
            var line = new LineSeries
            {
                Color = series.Joined ? colour : OxyColors.Transparent,
                StrokeThickness = series.IsLimit ? 1.4 : 2,
                LineStyle = series.IsLimit ? s_dashes[limits++ % s_dashes.Length] : LineStyle.Solid,
                MarkerType = series.IsLimit || series.Points.Count > 60 ? MarkerType.None : s_markers[i % s_markers.Length],
                MarkerSize = narrow ? 3 : 4,
                MarkerFill = colour,
            };
            line.Points.AddRange(series.Points.Select(p => new DataPoint(p.X, p.Y)));
            model.Series.Add(line);
        }

        return model;
    }

    private static Axis Styled(Axis axis, AxisPosition position, string title, IEnumerable<double> values)
    {
        double[] all = [.. values.Where(v => v > 0 && double.IsFinite(v))];
        double low = all.DefaultIfEmpty(1).Min(), high = all.DefaultIfEmpty(1).Max(), room = Math.Max(1.15, Math.Pow(high / low, 0.05));
        (axis.Minimum, axis.Maximum) = axis is LinearAxis ? (0, high * 1.08) : (low / room, high * room);
        axis.Position = position;
        axis.Title = title;
        axis.AxisTitleDistance = 14;
        axis.TicklineColor = Colour(Limit);
        axis.MajorGridlineStyle = LineStyle.Solid;
        axis.MajorGridlineColor = Colour(Grid);
        axis.MinorTicklineColor = OxyColors.Transparent;
        axis.MinorGridlineStyle = axis is SizeAxis { Base: > 2 } ? LineStyle.Solid : LineStyle.None;
        axis.MinorGridlineColor = Colour(FineGrid);
        axis.LabelFormatter = v => v is >= 1e6 or (> 0 and < 1e-3)
            ? v.ToString("0.#E0", CultureInfo.InvariantCulture) : v.ToString("0.####", CultureInfo.InvariantCulture);
        return axis;
    }

    private static OxyColor Colour(int number) => OxyColor.FromRgb(1, 0, (byte)number);

    [GeneratedRegex("(?<=id=\"|url\\(#)clipPath")]
    private static partial Regex Id();

    [GeneratedRegex(@"rgb\(1,0,([0-9]+)\)")]
    private static partial Regex Paint();
}

/// <summary>One line or cloud of a chart.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Points">Where it goes.</param>
/// <param name="Joined">Whether the points are joined.</param>
/// <param name="IsLimit">Whether it is no measurement but a bound: dashed, without marks.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points, bool Joined = true, bool IsLimit = false);

/// <summary>A place on a chart.</summary>
/// <param name="X">Along.</param>
/// <param name="Y">Up.</param>
/// <param name="Least">Of its launches.</param>
/// <param name="Most">Of its launches.</param>
/// <param name="Note">Its numbers, for who points at it; empty for a place that was not measured.</param>
/// <param name="Label">Beside it, where there is room.</param>
internal sealed record ChartPoint(double X, double Y, double Least = double.NaN, double Most = double.NaN, string Note = "", string Label = "");
