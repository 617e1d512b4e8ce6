package dev.outboard.dma;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The devices' end of an owner: accepts, reads a name, attaches to the domain of that name, notices
 * deaths, delivers faults.
 *
 * <p>Owned and used by the owner's thread alone, but for {@link #wake} and {@link #path}. What
 * comes over a connection is checked; the worst that a device achieves is the end of its own.
 */
final class DeviceConnections implements AutoCloseable {
    /** The most connections, attached or not; further ones are turned away. */
    static final int MAX_CONNECTIONS = 64;

    private static final System.Logger LOG = System.getLogger(IommuOwner.class.getName());
    private static final int SERVER_TOKEN = 0;
    private static final int WAKE_TOKEN = 1;

    private final Function<String, OwnedDomain> claims;
    private final DeviceListener listener;
    private final Epoll epoll;
    private final EventDescriptor wake;
    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());

    /** By the token of their socket; a fault event has the token after it. */
    private final Map<Integer, DeviceConnection> connections = new HashMap<>();

    /** Those whose fault rings were not empty after a ring's worth. */
    private final Deque<DeviceConnection> moreFaults = new ArrayDeque<>();

    private int nextToken = 2;

    /**
     * Listens.
     *
     * @param claims the domain that a name was claimed for, or null
     */
    DeviceConnections(Path socket, Function<String, OwnedDomain> claims) {
        this.claims = claims;
        Resources taken = new Resources();
        try {
            epoll = taken.add(Epoll.create());
            wake = taken.add(EventDescriptor.create());
            epoll.add(wake.descriptor(), Epoll.READABLE, WAKE_TOKEN);
            listener = taken.add(new DeviceListener(socket, epoll, SERVER_TOKEN));
        } catch (RuntimeException failure) {
            taken.closeAfter(failure);
            throw failure;
        }
    }

    Path path() {
        return listener.path();
    }

    /** Ends an {@link #await}; any thread. */
    void wake() {
        wake.signal();
    }

    /** Waits for something to happen, and deals with it. */
    void await() {
        epoll.await(moreFaults.isEmpty() ? listener.patienceNanos() : 0, this::onReady);
        listener.resume();
        // A ring's worth from each: a device that faults all the time may not hold up the others.
        for (int left = moreFaults.size(); left > 0; left--) {
            deliverFaults(moreFaults.poll());
        }
    }

    private void deliverFaults(DeviceConnection connection) {
        if (connections.get(connection.token()) == connection
                && connection.deliverFaults()
                && !moreFaults.contains(connection)) {
            moreFaults.add(connection);
        }
    }

    private void onReady(int token, int events) {
        try {
            if (token == SERVER_TOKEN) {
                acceptAll();
            } else if (token == WAKE_TOKEN) {
                wake.drain();
            } else {
                onConnectionReady(token, events);
            }
        } catch (RuntimeException failure) {
            // One connection's trouble may not end the thread that serves the others.
            LOG.log(System.Logger.Level.WARNING, "iommu owner at " + listener.path(), failure);
        }
    }

    private void acceptAll() {
        for (UnixSocket socket = listener.accept(); socket != null; socket = listener.accept()) {
            if (connections.size() >= MAX_CONNECTIONS && !dropSilent()) {
                turnAway(socket);
                continue;
            }
            DeviceConnection connection = new DeviceConnection(socket, nextToken(), buffer);
            connections.put(connection.token(), connection);
            try {
                epoll.add(socket.descriptor(), Epoll.READABLE | Epoll.HANG_UP, connection.token());
            } catch (NativeException scarce) {
                drop(connection, scarce.getMessage());
            }
        }
    }

    private void turnAway(UnixSocket socket) {
        new DeviceConnection(socket, 0, buffer)
                .refuse("too many devices are connected: " + MAX_CONNECTIONS);
        socket.close();
    }

    /** Tokens come in pairs, never 0 or 1, and never one that is in use. */
    private int nextToken() {
        do {
            nextToken = nextToken + 2 < 0 ? 2 : nextToken + 2;
        } while (connections.containsKey(nextToken));
        return nextToken;
    }

    /** Makes room by dropping a connection that has not said its name. */
    private boolean dropSilent() {
        for (DeviceConnection connection : connections.values()) {
            if (connection.name() == null) {
                drop(connection, null);
                return true;
            }
        }
        return false;
    }

    private void onConnectionReady(int token, int events) {
        DeviceConnection connection = connections.get(token & ~1);
        if (connection == null) {
            return;
        }
        try {
            if ((token & 1) == 1) {
                deliverFaults(connection);
            } else if ((events & Epoll.READABLE) != 0) {
                receive(connection);
            } else {
                drop(connection, null);
            }
        } catch (IllegalArgumentException | IllegalStateException | PeerGoneException wrong) {
            refuse(connection, wrong.getMessage());
        } catch (RuntimeException failure) {
            drop(connection, failure.toString());
        }
    }

    private void receive(DeviceConnection connection) {
        boolean wasSilent = connection.name() == null;
        if (!connection.receive()) {
            drop(connection, null);
        } else if (wasSilent && connection.name() != null) {
            attachIfClaimed(connection);
        }
    }

    /**
     * Has a segment come or go: for who attaches later, and for every device that is attached. Both
     * on this thread, so that no device is told twice or not at all.
     */
    void change(OwnedDomain domain, SegmentChange change) {
        try {
            domain.apply(change);
        } catch (IllegalArgumentException | IllegalStateException refused) {
            change.refuse(refused);
            return;
        }
        for (DeviceConnection connection : List.copyOf(connections.values())) {
            if (connection.isAttachedTo(domain)) {
                try {
                    connection.tell(change);
                } catch (RuntimeException failure) {
                    drop(connection, failure.getMessage());
                }
            }
        }
        change.begin();
    }

    /** Attaches the devices whose name was claimed after they came. */
    void attachWaiting() {
        for (DeviceConnection connection : List.copyOf(connections.values())) {
            if (connection.name() != null && !connection.isAttached()) {
                try {
                    attachIfClaimed(connection);
                } catch (RuntimeException failure) {
                    refuse(connection, failure.getMessage());
                }
            }
        }
    }

    private void attachIfClaimed(DeviceConnection connection) {
        OwnedDomain domain = claims.apply(connection.name());
        if (domain == null) {
            return;
        }
        connection.join(domain);
        // Never read: the device shares the open file, and could make a read of it block.
        epoll.add(connection.faultEvent(), Epoll.READABLE | Epoll.EDGE, connection.token() | 1);
        connection.start();
    }

    private void refuse(DeviceConnection connection, String why) {
        connection.refuse(why);
        drop(connection, why);
    }

    /** Ends a connection, for a reason worth telling or null. */
    private void drop(DeviceConnection connection, String why) {
        if (connections.remove(connection.token()) == null) {
            return;
        }
        if (why != null) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "device={0} is disconnected from {1}: {2}",
                    connection.name(),
                    listener.path(),
                    why);
        }
        unwatch(connection.descriptor());
        if (connection.isAttached()) {
            unwatch(connection.faultEvent());
        }
        connection.close();
    }

    private void unwatch(Descriptor descriptor) {
        try {
            epoll.remove(descriptor);
        } catch (NativeException notWatched) {
            // The connection failed before it was watched.
        }
    }

    /** Drops the devices of a domain. */
    void detach(OwnedDomain domain) {
        for (DeviceConnection connection : List.copyOf(connections.values())) {
            if (connection.isAttachedTo(domain)) {
                drop(connection, null);
            }
        }
    }

    /** Drops everybody, and listens no more, whatever fails on the way. */
    @Override
    public void close() {
        Resources all = new Resources();
        all.add(wake);
        all.add(epoll);
        all.add(listener);
        for (DeviceConnection connection : connections.values()) {
            all.add(() -> drop(connection, null));
        }
        all.close();
    }
}
