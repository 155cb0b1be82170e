namespace FastRecurrence;

/// <summary>The order in which a layer goes through a sequence. The output at t belongs to the input at t either way.</summary>
public enum Direction
{
    /// <summary>From the first step to the last.</summary>
    Forward,

    /// <summary>From the last step to the first.</summary>
    Reverse,
}
