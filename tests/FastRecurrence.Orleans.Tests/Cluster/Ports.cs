using System.Net;
using System.Net.Sockets;

namespace FastRecurrence.Orleans.Tests.Cluster;

internal static class Ports
{
    private static readonly HashSet<int> s_given = [];

    /// <summary>A loopback port that nothing listens on, and that no earlier call gave.</summary>
    public static int Free()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            int port = ((IPEndPoint)listener.LocalEndpoint).Port;
            lock (s_given)
            {
                if (s_given.Add(port))
                    return port;
            }
        }
    }
}
