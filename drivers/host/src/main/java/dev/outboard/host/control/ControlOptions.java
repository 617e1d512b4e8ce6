package dev.outboard.host.control;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.UsageException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options of a command that can be looked at and changed while it runs. */
public final class ControlOptions {
    static final String UNIX = "unix:";
    private static final System.Logger LOG = System.getLogger(ControlOptions.class.getName());
    private static final int MOST_PORT = 65_535;

    @Option(
            names = "--control",
            paramLabel = "unix:PATH",
            description =
                    "Where outboard memory and top find this process. Default: NAME.PID in"
                            + " $XDG_RUNTIME_DIR/outboard, or in /tmp/outboard-UID.")
    private String control;

    @Option(names = "--no-control", description = "Nobody looks at this process or changes it.")
    private boolean none;

    @Option(
            names = "--metrics",
            paramLabel = "[HOST:]PORT",
            description =
                    "Serve /metrics (for Prometheus) and /status over TCP, to be looked at only."
                            + " HOST is 127.0.0.1 unless given.")
    private String metrics;

    /** For picocli. */
    public ControlOptions() {}

    /**
     * Checks what was written.
     *
     * @throws UsageException when something was asked wrongly
     */
    public void check() {
        if (none && (control != null || metrics != null)) {
            throw new UsageException(
                    "--no-control and %s contradict each other: leave one out"
                            .formatted(control != null ? "--control" : "--metrics"));
        }
        if (control != null) {
            path("--control", control);
        }
        if (metrics != null) {
            tcp();
        }
    }

    static Path path(String option, String text) {
        if (!text.startsWith(UNIX) || text.length() == UNIX.length()) {
            throw new UsageException(option + " " + text + ": write unix:PATH");
        }
        var path = Path.of(text.substring(UNIX.length()));
        if (ControlFolder.bytes(path) > ControlFolder.MOST_PATH_BYTES) {
            throw new UsageException(
                    "%s %s: a socket's path has at most %d bytes"
                            .formatted(option, text, ControlFolder.MOST_PATH_BYTES));
        }
        return path;
    }

    private InetSocketAddress tcp() {
        var colon = metrics.lastIndexOf(':');
        var host = colon < 0 ? "" : metrics.substring(0, colon);
        int port;
        try {
            port = Integer.parseInt(metrics.substring(colon + 1));
        } catch (NumberFormatException e) {
            port = -1;
        }
        if (port < 0 || port > MOST_PORT) {
            throw new UsageException(
                    "--metrics " + metrics + ": write PORT or HOST:PORT, as 127.0.0.1:9100");
        }
        var address =
                host.isEmpty()
                        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), port)
                        : new InetSocketAddress(host.replaceAll("^\\[|]$", ""), port);
        if (address.isUnresolved()) {
            throw new UsageException("--metrics " + metrics + ": nobody knows the host " + host);
        }
        return address;
    }

    /**
     * Begins to listen, on a thread of its own: the command starts meanwhile.
     *
     * @param name what the process is called, as the device it drives
     * @return closed by the caller
     */
    public ControlServer open(String name, Subject subject) {
        if (none) {
            return ControlServer.none();
        }
        if (control != null) {
            return ControlServer.begin(path("--control", control), tcpOrNull(), subject);
        }
        Path socket = null;
        try {
            socket = ControlFolder.ofUser().socket(name, ProcessHandle.current().pid());
        } catch (CommandException e) {
            // Nobody asked for it: a driver does not fail for it.
            LOG.log(System.Logger.Level.WARNING, "no control socket: " + e.getMessage());
        }
        return ControlServer.begin(socket, tcpOrNull(), subject);
    }

    private InetSocketAddress tcpOrNull() {
        return metrics == null ? null : tcp();
    }
}
