package dev.outboard.dma;

import dev.outboard.uio.Epoll;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;

/**
 * The socket that devices come to. When the process has no descriptor left for one that comes, it
 * is not looked at for a while: it would be ready all the time, and whoever waits would never wait.
 *
 * <p>Owned and used by the owner's thread alone, but for {@link #path}.
 */
final class DeviceListener implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(IommuOwner.class.getName());
    private static final long PAUSE_NANOS = 100_000_000;

    private final Epoll epoll;
    private final int token;
    private final UnixServer server;
    private boolean paused;
    private long pausedNanos;

    /** Listens, and has it watched. */
    DeviceListener(Path socket, Epoll epoll, int token) {
        this.epoll = epoll;
        this.token = token;
        server = UnixServer.listen(socket, UnixSocket.Kind.SEQPACKET);
        try {
            watch();
        } catch (RuntimeException failure) {
            server.close();
            throw failure;
        }
    }

    private void watch() {
        epoll.add(server.descriptor(), Epoll.READABLE, token);
    }

    Path path() {
        return server.path();
    }

    /** The next connection that waits; null when none does, or none can be taken now. */
    UnixSocket accept() {
        try {
            return server.accept();
        } catch (NativeException noDescriptors) {
            LOG.log(System.Logger.Level.WARNING, "iommu owner: {0}", noDescriptors.getMessage());
            epoll.remove(server.descriptor());
            pause();
            return null;
        }
    }

    private void pause() {
        paused = true;
        pausedNanos = System.nanoTime();
    }

    /** How long who waits may wait until {@link #resume} has something to do; negative: forever. */
    long patienceNanos() {
        return paused ? Math.max(0, PAUSE_NANOS - sincePause()) : -1;
    }

    /** Looks again for who comes, when the pause is over. */
    void resume() {
        if (!paused || sincePause() < PAUSE_NANOS) {
            return;
        }
        try {
            watch();
            paused = false;
        } catch (NativeException scarce) {
            // After another pause; the devices that are attached shall not suffer.
            LOG.log(System.Logger.Level.WARNING, "iommu owner: {0}", scarce.getMessage());
            pause();
        }
    }

    private long sincePause() {
        return System.nanoTime() - pausedNanos;
    }

    @Override
    public void close() {
        server.close();
    }
}
