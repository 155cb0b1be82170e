using System.Globalization;
using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace FastRecurrence.Cli.Reporting;

/// <summary>One log-log chart as data; drawn twice, for a wide window and for a narrow one.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="XTitle">What lies along.</param>
/// <param name="XBase">2 for sizes, 10 else.</param>
/// <param name="YTitle">What stands up.</param>
/// <param name="Series">Lines or points.</param>
internal sealed record Chart(string Title, string XTitle, double XBase, string YTitle, IReadOnlyList<ChartSeries> Series)
{
    /// <summary>Colours that the colour-blind tell apart and paper keeps dark enough.</summary>
    private static readonly OxyColor[] s_colours =
    [
        .. new uint[] { 0x0072B2, 0xD55E00, 0x009E73, 0xB0578D, 0x2F2F2F, 0xB07D00, 0x3C9CD6, 0x7F7F7F }.Select(c => OxyColor.FromUInt32(0xFF000000 | c)),
    ];

    private static readonly MarkerType[] s_markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];

    private static readonly LineStyle[] s_dashes = [LineStyle.Dash, LineStyle.Dot, LineStyle.LongDash, LineStyle.DashDot, LineStyle.LongDashDot];

    /// <summary>More would be told apart by nobody.</summary>
    public static int MostSeries => s_colours.Length;

    /// <summary>In words, for who cannot see it.</summary>
    public string Description =>
        $"{Title}: {YTitle} against {XTitle}, logarithmic; {string.Join(", ", Series.Select(s => s.Name))}. The numbers stand in the tables below.";

    /// <summary>The chart as an SVG document.</summary>
    public string Svg(int width, int height)
    {
        // Without the workaround some viewers cut vertical texts; sans-serif, since a report brings no font along.
        var exporter = new OxyPlot.SvgExporter
        {
            Width = width,
            Height = height,
            UseVerticalTextAlignmentWorkaround = true,
            IsDocument = true,
            TextMeasurer = new WideText(width, height),
        };
        using var stream = new MemoryStream();
        exporter.Export(Model(width), stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private PlotModel Model(int width)
    {
        bool narrow = width < 600;
        var model = new PlotModel
        {
            Title = Title,
            TitleFontSize = narrow ? 14 : 16,
            TitleFontWeight = FontWeights.Bold,
            DefaultFont = "sans-serif",
            DefaultFontSize = narrow ? 11 : 12,
            Background = OxyColors.White,
            PlotAreaBorderColor = OxyColor.FromRgb(0x99, 0x99, 0x99),
            Padding = new OxyThickness(8, 8, 16, 8),
        };
        model.Axes.Add(Axis(AxisPosition.Bottom, XTitle, XBase, Series.SelectMany(s => s.Points).Select(p => p.X)));
        model.Axes.Add(Axis(AxisPosition.Left, YTitle, 10, Series.SelectMany(s => s.Points).Select(p => p.Y)));
        model.Legends.Add(new Legend
        {
            LegendPlacement = LegendPlacement.Outside,
            LegendPosition = LegendPosition.BottomCenter,
            LegendOrientation = narrow ? LegendOrientation.Vertical : LegendOrientation.Horizontal,
            LegendLineSpacing = 5,
            LegendItemSpacing = 16,
            LegendFontSize = narrow ? 11 : 12,
        });
        int limits = 0;
        for (int i = 0; i < Series.Count; i++)
        {
            ChartSeries series = Series[i];
            OxyColor colour = series.IsLimit ? OxyColor.FromRgb(0x55, 0x55, 0x55) : s_colours[i % s_colours.Length];
            var line = new LineSeries
            {
                Title = series.Name,
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

    private static SizeAxis Axis(AxisPosition position, string title, double logBase, IEnumerable<double> values)
    {
        double[] all = [.. values.Where(v => v > 0 && double.IsFinite(v))];
        double low = all.DefaultIfEmpty(1).Min(), high = all.DefaultIfEmpty(1).Max(), room = Math.Max(1.15, Math.Pow(high / low, 0.05));
        return new SizeAxis
        {
            Position = position,
            Title = title,
            Base = logBase,
            Minimum = low / room,
            Maximum = high * room,
            UseSuperExponentialFormat = false,
            AxisTitleDistance = 14,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = OxyColor.FromRgb(0xDD, 0xDD, 0xDD),
            MinorGridlineStyle = logBase > 2 ? LineStyle.Solid : LineStyle.None,
            MinorGridlineColor = OxyColor.FromRgb(0xF0, 0xF0, 0xF0),
            LabelFormatter = v => v >= 1e6 || v < 1e-3 ? v.ToString("0.#E0", CultureInfo.InvariantCulture) : v.ToString("0.####", CultureInfo.InvariantCulture),
        };
    }
}

/// <summary>One line or cloud of a chart.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Points">Where it goes.</param>
/// <param name="Joined">Whether the points are joined.</param>
/// <param name="IsLimit">Whether it is no measurement but a bound: dashed, without marks.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y)> Points, bool Joined = true, bool IsLimit = false);

/// <summary>Measures texts by Helvetica's widths and adds some, since a viewer's sans-serif may be wider and a legend would be cut.</summary>
internal sealed class WideText(double width, double height) : PdfRenderContext(width, height, OxyColors.White)
{
    private const double Margin = 1.3;

    public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
    {
        OxySize size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
        return new OxySize(size.Width * Margin, size.Height);
    }
}
