package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * A listening Unix-domain socket with a name in the file system. Does not block: watch its
 * descriptor, and accept when it is readable.
 *
 * <p>Owns its descriptor and its name. One thread.
 */
public final class UnixServer implements AutoCloseable {
    private static final int BACKLOG = 16;
    private static final int TRIES = 3;
    private static final int S_IFMT = 0xf000;
    private static final int S_IFSOCK = 0xc000;

    private final Descriptor descriptor;
    private final Path path;
    private final Object fileKey;

    private UnixServer(Descriptor descriptor, Path path, Object fileKey) {
        this.descriptor = descriptor;
        this.path = path;
        this.fileKey = fileKey;
    }

    /**
     * Listens at a path. The socket file of a server that is dead is replaced; that of one that
     * lives, and a file that is no socket, are refused.
     *
     * @throws ConnectionRefusedException when the path is somebody's, or cannot be made
     */
    public static UnixServer listen(Path path, UnixSocket.Kind kind) {
        byte[] address = SocketAddress.of(path);
        int type = kind.type | UnixSocket.SOCK_CLOEXEC | UnixSocket.SOCK_NONBLOCK;
        int number = ControlCalls.socket(UnixSocket.AF_UNIX, type);
        Descriptor descriptor = Descriptor.adopt(Failures.check(number, "socket", kind));
        try {
            bind(number, address, path, kind);
            UnixServer server = new UnixServer(descriptor, path, fileKey(path));
            int answer = ControlCalls.listen(number, BACKLOG);
            if (answer < 0) {
                // Binding made the socket's file, which nobody would remove.
                server.close();
            }
            Failures.check(answer, "listen", path);
            return server;
        } catch (RuntimeException failed) {
            descriptor.close();
            throw failed;
        }
    }

    private static void bind(int number, byte[] address, Path path, UnixSocket.Kind kind) {
        int answer = ControlCalls.bind(number, address);
        for (int i = 0; answer == -ErrorNames.EADDRINUSE && i < TRIES; i++) {
            removeStale(path, kind, answer);
            answer = ControlCalls.bind(number, address);
        }
        if (answer < 0) {
            throw refusal(path, answer, remedy(-answer));
        }
    }

    private static String remedy(int errno) {
        if (errno == ErrorNames.ENOENT) {
            return "its directory does not exist: create it";
        }
        if (errno == ErrorNames.EACCES || errno == ErrorNames.EPERM) {
            return "no permission to write the directory: choose another";
        }
        return ErrorNames.of(errno);
    }

    private static void removeStale(Path path, UnixSocket.Kind kind, int answer) {
        if (!isSocket(path)) {
            throw refusal(path, answer, "a file that is no socket is there: choose another path");
        }
        if (new Connector(path, kind).isLive()) {
            throw refusal(path, answer, "another process listens there: stop it first");
        }
        try {
            Files.deleteIfExists(path);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static boolean isSocket(Path path) {
        try {
            int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
            return (mode & S_IFMT) == S_IFSOCK;
        } catch (IOException gone) {
            // Whoever removed it meanwhile did our work: the next bind tells.
            return !Files.exists(path);
        }
    }

    private static Object fileKey(Path path) {
        try {
            return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static ConnectionRefusedException refusal(Path path, int answer, String why) {
        return new ConnectionRefusedException(
                "cannot listen at " + path + ": " + why,
                Failures.failure("bind", answer, path.toString()));
    }

    /**
     * Takes a connection that waits; null when none does.
     *
     * @throws NativeException EMFILE when the process has no more descriptors to give
     */
    public UnixSocket accept() {
        int number;
        do {
            number = ControlCalls.accept(descriptor.number(), UnixSocket.SOCK_CLOEXEC);
        } while (number == -ErrorNames.EINTR);
        if (number == -ErrorNames.EAGAIN || number == -ErrorNames.ECONNABORTED) {
            return null;
        }
        return new UnixSocket(Descriptor.adopt(Failures.check(number, "accept4", path.toString())));
    }

    /** The descriptor, to watch it; it stays this object's. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** Where it listens. */
    public Path path() {
        return path;
    }

    /** Listens no more, and removes the socket's file unless somebody else's is there by now. */
    @Override
    public void close() {
        if (descriptor.isClosed()) {
            return;
        }
        try {
            if (Files.exists(path) && fileKey.equals(fileKey(path))) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | UncheckedIOException gone) {
            // The directory went first: there is no file to remove.
        } finally {
            descriptor.close();
        }
    }
}
