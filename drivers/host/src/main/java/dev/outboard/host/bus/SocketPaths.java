package dev.outboard.host.bus;

import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Addresses that are paths of UNIX sockets. Stateless; any thread. */
public final class SocketPaths {
    /** {@code sun_path} of {@code sockaddr_un} holds 108 bytes, the last of them 0 (unix(7)). */
    private static final int PATH_BYTES = 107;

    private static final String SUFFIX = ".sock";

    private SocketPaths() {}

    /**
     * Checks a path, without looking whether it is there.
     *
     * @throws IllegalArgumentException when it can be none of a socket; the message says why
     */
    public static void check(String location) {
        var bytes = location.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > PATH_BYTES) {
            throw new IllegalArgumentException(
                    "the socket path is "
                            + bytes
                            + " bytes long and a UNIX socket takes "
                            + PATH_BYTES
                            + ": use a shorter path, or a relative one: "
                            + location);
        }
        try {
            var name = Path.of(location).getFileName();
            if (name == null) {
                throw new IllegalArgumentException(location + " names no socket");
            }
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException(location + " is no path: " + e.getReason(), e);
        }
    }

    /** The name of the device at a socket: the file's, without its suffix. */
    public static String deviceName(String location) {
        var file = Path.of(location).getFileName().toString();
        return file.endsWith(SUFFIX) && file.length() > SUFFIX.length()
                ? file.substring(0, file.length() - SUFFIX.length())
                : file;
    }
}
