namespace FastRecurrence.TestKit;

/// <summary>What a test needs is not on this machine. xunit skips a test that throws a message with this prefix, and shows the rest as the reason.</summary>
internal sealed class TestSkippedException(string reason) : Exception("$XunitDynamicSkip$" + reason);
