using TorchSharp;

namespace FastRecurrence.TorchTests;

/// <summary>Whether torch's native library is here.</summary>
internal static class Libtorch
{
    private static readonly string? s_absence = FindAbsence();

    /// <summary>Skips the test, with the reason, where libtorch does not load.</summary>
    public static void Require() => Assert.SkipWhen(s_absence is not null, $"{s_absence} scripts/torch-tests brings it.");

    private static string? FindAbsence()
    {
        try
        {
            using torch.Tensor one = torch.ones(1);
            return null;
        }
        catch (Exception e)
        {
            return $"libtorch does not load: {e.GetBaseException().Message.Split('\n')[0]}";
        }
    }
}
