package dev.outboard.backend;

import dev.outboard.backend.loop.AttachGate;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.AskedStatistics;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket and the one driver that is connected to it, if any. The loop's thread, but for
 * {@link #disconnections} and {@link #lastReason}.
 */
public final class VhostPort implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VhostPort.class);

    /** How long to let a connection wait when there is no descriptor for it. */
    private static final long PAUSE_NANOS = 100_000_000;

    /** Who tries again and again is told of once in so long. */
    private static final long REFUSAL_NANOS = 1_000_000_000;

    private final DeviceLoop loop;
    private final PortSettings settings;
    private final PortDevice device;
    private final UnixServer server;
    private final AttachGate gate = new AttachGate();
    private int serverToken;
    private boolean paused;
    private long pausedNanos;
    private int refused;
    private long refusedNanos;
    private PortSession session;
    private UnixSocket.Credentials driver;
    private volatile long disconnections;
    private volatile String lastReason = "";

    /**
     * Listens from now on.
     *
     * @throws IllegalStateException when that cannot be: somebody else listens there
     */
    public VhostPort(DeviceLoop loop, PortSettings settings, PortDevice device) {
        this.loop = loop;
        this.settings = settings;
        this.device = device;
        try {
            server = UnixServer.listen(settings.socket(), UnixSocket.Kind.STREAM);
        } catch (RuntimeException e) {
            throw new IllegalStateException("device " + settings.name() + ": " + e.getMessage(), e);
        }
        listen();
    }

    private void listen() {
        serverToken = loop.watch(server.descriptor(), Epoll.READABLE, events -> accept());
    }

    /** The connection goes on waiting: without a pause the loop would turn round it. */
    private void pause() {
        loop.unwatch(server.descriptor(), serverToken);
        paused = true;
        pausedNanos = System.nanoTime();
    }

    /** How long the loop may sleep for this port's sake, or {@link DeviceLoop#FOREVER}. */
    public long sleepLimitNanos(long nowNanos) {
        if (paused) {
            return PAUSE_NANOS;
        }
        return session == null ? DeviceLoop.FOREVER : session.sleepLimitNanos(nowNanos);
    }

    /** Whether messages to this port are to be looked for often. */
    public boolean isAsking() {
        return session != null && session.isAsking();
    }

    /** What the drivers of this port were asked. Any thread. */
    public AskedStatistics asked() {
        return settings.asked().read();
    }

    private void accept() {
        UnixSocket socket;
        try {
            socket = server.accept();
        } catch (NativeException e) {
            LOG.warn("{}: a driver could not connect: {}", settings.name(), e.getMessage());
            pause();
            return;
        }
        if (socket == null) {
            return;
        }
        UnixSocket.Credentials newDriver = socket.peer();
        // The one before may have died a moment ago, its hang-up still to be handled.
        if (session != null && session.failure() == null && session.isDriverGone()) {
            session.fail("the driver hung up");
        }
        endIfFailed();
        if (session != null) {
            refuse(socket, newDriver);
            return;
        }
        open(socket, newDriver);
    }

    private void refuse(UnixSocket socket, UnixSocket.Credentials newDriver) {
        socket.close();
        refused++;
        long now = System.nanoTime();
        if (refused == 1 || now - refusedNanos >= REFUSAL_NANOS) {
            LOG.warn(
                    "{}: refused a second driver, process {}, as process {} has it ({} refused)",
                    settings.name(),
                    newDriver.pid(),
                    driver.pid(),
                    refused);
            refusedNanos = now;
        }
    }

    private void open(UnixSocket socket, UnixSocket.Credentials newDriver) {
        try {
            session = new PortSession(loop, settings, device, gate, socket);
        } catch (RuntimeException e) {
            socket.close();
            LOG.warn("{}: a driver could not connect: {}", settings.name(), e.getMessage());
            return;
        }
        driver = newDriver;
        device.opened(session);
        LOG.info("{}: driver connected, process {}", settings.name(), driver.pid());
    }

    /** The session, or null. */
    public PortSession session() {
        return session;
    }

    /** Sees to what cannot wait for an event: a session that has failed, a pause that is over. */
    public void tend(long nowNanos) {
        endIfFailed();
        if (session != null) {
            session.tend(nowNanos);
        }
        if (paused && nowNanos - pausedNanos >= PAUSE_NANOS) {
            paused = false;
            listen();
        }
    }

    /** Closes a session that has failed, and is then ready for the next. */
    private void endIfFailed() {
        if (session == null || session.failure() == null) {
            return;
        }
        String reason = session.failure();
        end();
        lastReason = reason;
        disconnections++;
        LOG.info("{}: driver, process {}, disconnected: {}", settings.name(), driver.pid(), reason);
    }

    private void end() {
        PortSession ended = session;
        session = null;
        try {
            ended.close();
        } finally {
            device.closed(ended);
        }
    }

    /** How many sessions ended, of themselves. Any thread. */
    public long disconnections() {
        return disconnections;
    }

    /** Why the last of them did; empty if none has. Any thread. */
    public String lastReason() {
        return lastReason;
    }

    /** By which people know the port. */
    public String name() {
        return settings.name();
    }

    @Override
    public void close() {
        if (session != null) {
            end();
        }
        if (!paused) {
            loop.unwatch(server.descriptor(), serverToken);
        }
        server.close();
    }
}
