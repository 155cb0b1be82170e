using System.Text.Json.Nodes;
using VoiceActivity;

namespace FastRecurrence.Orleans.Tests.LiveSpeech;

/// <summary>The pages in a browser: a file, the microphone, the live metrics.</summary>
public sealed class PageTests(SpeechFixture speech) : IClassFixture<SpeechFixture>
{
    private const double Seconds = 3;

    [Fact]
    public async Task A_file_is_heard_and_drawn_as_it_plays_then_the_microphone_and_the_metrics_page_follows()
    {
        _ = SpeechFixture.Model;
        string wav = speech.WriteWav(Seconds);
        await using Chromium page = await Chromium.Open(speech.Server.Url, wav);
        await page.ChooseFile("#file", wav);
        await page.Until("session && session.probabilities.length > 10");
        Assert.False((await page.Evaluate("session.isClosed === true"))!.GetValue<bool>(), "all came at once, not as it plays");
        await page.Until("document.getElementById('status').textContent === 'Done.'");

        float[] probabilities = [.. ((JsonArray)(await page.Evaluate("session.probabilities"))!).Select(p => p!.GetValue<float>())];
        double[] golden = Speech.ReadGolden(SpeechFixture.Golden)[..(int)(Seconds * WavFile.SampleRate / SileroModel.ChunkSamples)];
        Assert.Equal(golden.Length, probabilities.Length);
        (double error, int changed) = Speech.Compare(probabilities, golden);
        Assert.True(error <= Speech.Tolerance && changed == 0, $"largest difference {error}, {changed} decisions changed");
        int segments = Speech.Segments(probabilities).Count();
        Assert.True(segments > 0);
        Assert.Equal(segments, (await page.Evaluate("document.querySelectorAll('#segments li').length"))!.GetValue<int>());
        // Something is drawn in the line's colour.
        Assert.True((await page.Evaluate("""
            (async () => { await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
                const c = document.getElementById('chart'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && d[i + 2] > d[i] + 40) n++; return n; })()
            """))!.GetValue<int>() > 100, "the line is not drawn");

        await page.Evaluate("document.getElementById('microphone').click()");
        await page.Until("!session.isClosed && session.probabilities.length > 15 && document.getElementById('status').textContent === 'Listening.'");
        await page.Evaluate("document.getElementById('stop').click()");
        await page.Until("document.getElementById('status').textContent === 'Done.'");

        await page.Evaluate("location.href = 'metrics.html'");
        await page.Until("document.querySelector('[data-name=connections]') && series.frames.length > 1");
        Assert.Equal("0", (string?)await page.Evaluate("document.querySelector('[data-name=connections]').textContent"));
        Assert.Empty(page.Errors);
        await speech.Empty();
    }
}
