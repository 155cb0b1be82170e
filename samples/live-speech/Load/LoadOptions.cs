namespace LiveSpeech.Load;

/// <param name="Recording">A WAV file that every connection plays from its start; a connection that comes to its end is followed by a new one.</param>
/// <param name="Golden">Its probabilities.</param>
/// <param name="Url">The server.</param>
/// <param name="Connections">How many at a time.</param>
/// <param name="Seconds">How long.</param>
/// <param name="Fast">Not in real time but as fast as answers come.</param>
/// <param name="MessageMilliseconds">Sound in a message.</param>
internal sealed record LoadOptions(string Recording, string Golden, string Url, int Connections, int Seconds, bool Fast, int MessageMilliseconds);
