using CharacterModel;
using FashionRows;

namespace FastRecurrence.Tests.Training;

/// <summary>The samples reach what their pages promise, and give the same bits of the loss however many threads.</summary>
[Collection("teams")]
public sealed class SampleTests
{
    [Fact]
    public void Clothing_is_told_apart_after_an_epoch()
    {
        RequireImages();
        FashionImages train = FashionImages.Load(train: true), test = FashionImages.Load(train: false);
        using var classifier = new Classifier(Backend.Simd);
        Assert.InRange(classifier.Accuracy(test), 0, 0.4);
        for (int step = 0; step < train.Count / Classifier.N; step++)
            classifier.Step(train);
        double accuracy = classifier.Accuracy(test);
        TestContext.Current.TestOutputHelper?.WriteLine($"{accuracy:P1}");
        Assert.InRange(accuracy, 0.8, 1);
    }

    [Fact]
    public void The_classifier_has_the_same_bits_on_one_thread_and_two()
    {
        RequireImages();
        FashionImages images = FashionImages.Load(train: false);
        using var team = new WorkerTeam(2);
        using Classifier one = new(Backend.Simd), two = new(Backend.Simd, team);
        for (int step = 0; step < 10; step++)
            Assert.Equal(BitConverter.DoubleToInt64Bits(one.Step(images)), BitConverter.DoubleToInt64Bits(two.Step(images)));
    }

    [Fact]
    public void The_language_model_learns_to_write()
    {
        Characters text = RequireBible();
        using var model = new LanguageModel(text, Backend.Simd);
        double first = model.Step(), last = 0;
        for (int step = 1; step < 500; step++)
        {
            double bits = model.Step();
            last += step < 450 ? 0 : bits / 50;
        }

        double unseen = model.Test(20_000);
        TestContext.Current.TestOutputHelper?.WriteLine($"first {first:F2}, last {last:F3}, unseen {unseen:F3} bits a character\n{model.Write(200, 1)}");
        Assert.InRange(first, 5, 7); // all characters as likely as each other: 6.1
        Assert.InRange(last, 1, LargestBits);
        Assert.InRange(unseen, 1, LargestBits + 0.1);
        Assert.Equal(model.Write(50, 1), model.Write(50, 1));
    }

    [Fact]
    public void The_language_model_has_the_same_bits_on_one_thread_and_two()
    {
        Characters text = Characters.Of(string.Concat(Enumerable.Repeat("A text need not be long to be learnt by heart. ", 200)));
        using var team = new WorkerTeam(2);
        using LanguageModel one = new(text, Backend.Simd), two = new(text, Backend.Simd, team);
        for (int step = 0; step < 10; step++)
            Assert.Equal(BitConverter.DoubleToInt64Bits(one.Step()), BitConverter.DoubleToInt64Bits(two.Step()));
        Assert.Equal(one.Write(50, 1), two.Write(50, 1));
    }

    /// <summary>Of 500 steps.</summary>
    private const double LargestBits = 2.6;

    private static void RequireImages()
    {
        if (!FashionImages.Exist())
            Assert.Skip($"There are no images in {FashionImages.Folder}; apt-get install dataset-fashion-mnist");
    }

    private static Characters RequireBible()
    {
        Characters? text = Characters.Bible();
        if (text is null)
            Assert.Skip("There is no program called bible; apt-get install bible-kjv");
        return text;
    }
}
