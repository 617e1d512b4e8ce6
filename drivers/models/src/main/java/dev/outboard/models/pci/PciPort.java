package dev.outboard.models.pci;

import dev.outboard.backend.loop.AttachGate;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.dma.BusMaster;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket, the function behind it, and the one client that is connected, if any. The
 * loop's thread, but for {@link #disconnections}, {@link #lastReason} and {@link #isConnected}.
 */
public final class PciPort implements DeviceLoop.Work, ModelRunner.Assembly {
    /** A client that asked so lately may ask again: one that maps by message does all the time. */
    private static final long ASKING_NANOS = 1_000_000;

    /** After how long its socket is looked at then: it waits for each answer. */
    private static final long ASKED_LOOK_NANOS = 2_000;

    /** And else: half a percent of the time, for a look that costs half a microsecond. */
    private static final long IDLE_LOOK_NANOS = 100_000;

    private static final Logger LOG = LoggerFactory.getLogger(PciPort.class);

    /** How long to let a connection wait when there is no descriptor for it. */
    private static final long PAUSE_NANOS = 100_000_000;

    private final DeviceLoop loop;
    private final PciPortSettings settings;
    private final PciModel model;
    private final Runnable last;
    private final UnixServer server;
    private final AttachGate gate = new AttachGate();
    private int serverToken;
    private boolean paused;
    private long lookIntervalNanos = IDLE_LOOK_NANOS;
    private long pausedNanos;
    private PciSession session;
    private volatile boolean connected;
    private volatile long disconnections;
    private volatile String lastReason = "";

    /**
     * Listens from now on.
     *
     * @param maker makes the function, given its port
     * @param last runs when everything else is closed
     * @throws RuntimeException if the socket cannot be made; {@code last} has not run then
     */
    public PciPort(
            DeviceLoop loop,
            PciPortSettings settings,
            Function<PciPort, ? extends PciModel> maker,
            Runnable last) {
        this.loop = loop;
        this.settings = settings;
        this.last = last;
        model = maker.apply(this);
        server = UnixServer.listen(settings.socket(), UnixSocket.Kind.STREAM);
        listen();
    }

    private void listen() {
        serverToken = loop.watch(server.descriptor(), Epoll.READABLE, events -> accept());
    }

    private void accept() {
        UnixSocket socket;
        try {
            socket = server.accept();
        } catch (NativeException failure) {
            LOG.warn("{}: a client could not connect: {}", settings.name(), failure.getMessage());
            loop.unwatch(server.descriptor(), serverToken);
            paused = true;
            pausedNanos = System.nanoTime();
            return;
        }
        if (socket == null) {
            return;
        }
        // The one before may have died a moment ago, its hang-up still to be handled.
        if (session != null && session.isClientGone()) {
            session.fail("the client hung up");
        }
        endIfFailed();
        UnixSocket.Credentials client = socket.peer();
        if (session != null) {
            socket.close();
            LOG.warn("{}: refused a second client, process {}", settings.name(), client.pid());
            return;
        }
        session = new PciSession(loop, settings, gate, model, socket);
        connected = true;
        LOG.info("{}: client connected, process {}", settings.name(), client.pid());
    }

    /**
     * How the function reaches memory; null while it may not: nobody is connected, or its driver
     * has not allowed it.
     */
    public BusMaster bus() {
        return session == null ? null : session.bus();
    }

    /** Signals a vector, if anybody listens. Outside of DMA sections. */
    public void interrupt(int vector) {
        if (session != null) {
            session.interrupt(vector);
        }
    }

    @Override
    public boolean work(long nowNanos) {
        PciSession served = session;
        if (served == null) {
            return false;
        }
        try {
            return served.bus() != null && model.poll(nowNanos);
        } catch (RuntimeException failure) {
            failed(failure);
            return true;
        }
    }

    @Override
    public boolean askForDoorbells(long nowNanos) {
        PciSession served = session;
        if (served == null) {
            return false;
        }
        try {
            return served.hasWaiting() || served.bus() != null && model.askForDoorbells(nowNanos);
        } catch (RuntimeException failure) {
            failed(failure);
            return true;
        }
    }

    private void failed(RuntimeException failure) {
        if (session.isExpected(failure)) {
            session.fail(failure.getMessage());
        } else {
            LOG.error("unexpected while serving a client", failure);
            session.fail("unexpected: " + failure);
        }
        endIfFailed();
    }

    @Override
    public void memoryFailed(InternalError error) {
        LOG.error("an access to memory failed", error);
        if (session != null) {
            session.fail("an access to memory failed: " + error.getMessage());
        }
        endIfFailed();
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        if (paused) {
            return PAUSE_NANOS;
        }
        return session == null || session.bus() == null
                ? DeviceLoop.FOREVER
                : model.sleepLimitNanos(nowNanos);
    }

    @Override
    public long lookIntervalNanos() {
        return lookIntervalNanos;
    }

    @Override
    public void afterLook(long nowNanos) {
        if (session != null) {
            session.serveWaiting();
        }
        endIfFailed();
        boolean isAsking = session != null && nowNanos - session.askedNanos() < ASKING_NANOS;
        lookIntervalNanos = isAsking ? ASKED_LOOK_NANOS : IDLE_LOOK_NANOS;
        if (paused && nowNanos - pausedNanos >= PAUSE_NANOS) {
            paused = false;
            listen();
        }
    }

    private void endIfFailed() {
        if (session == null || session.failure() == null) {
            return;
        }
        String reason = session.failure();
        end();
        lastReason = reason;
        disconnections++;
        LOG.info("{}: client disconnected: {}", settings.name(), reason);
    }

    /** The function is reset before its client's memory goes. */
    private void end() {
        PciSession ended = session;
        session = null;
        connected = false;
        ended.abandon();
        try {
            model.disconnected();
        } finally {
            ended.close();
        }
    }

    /** Whether a client is there. Any thread. */
    public boolean isConnected() {
        return connected;
    }

    /** How many sessions ended, of themselves. Any thread. */
    public long disconnections() {
        return disconnections;
    }

    /** Why the last of them did; empty if none has. Any thread. */
    public String lastReason() {
        return lastReason;
    }

    @Override
    public DeviceLoop.Work work() {
        return this;
    }

    @Override
    public void close() {
        try {
            if (session != null) {
                end();
            }
            if (!paused) {
                loop.unwatch(server.descriptor(), serverToken);
            }
            server.close();
        } finally {
            last.run();
        }
    }
}
