package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Change;
import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixServer;
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
    private static final long PAUSE_NANOS = 100_000_000;

    private final Function<String, OwnedDomain> claims;
    private final UnixServer server;
    private final Epoll epoll;
    private final EventDescriptor wake;
    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());

    /** By the token of their socket; a fault event has the token after it. */
    private final Map<Integer, Connection> connections = new HashMap<>();

    /** Those whose fault rings were not empty after a ring's worth. */
    private final Deque<Connection> moreFaults = new ArrayDeque<>();

    private int nextToken = 2;
    private boolean paused;

    /** A connection, and what it became. */
    private static final class Connection {
        final UnixSocket socket;
        final int token;
        String name;
        OwnedDomain domain;
        AttachedDevice device;

        /** Told to the device and not done, in order. */
        final Deque<SegmentChange> changes = new ArrayDeque<>();

        long changesTold;
        long changesDone;

        Connection(UnixSocket socket, int token) {
            this.socket = socket;
            this.token = token;
        }
    }

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
            server = taken.add(UnixServer.listen(socket, UnixSocket.Kind.SEQPACKET));
            epoll.add(server.descriptor(), Epoll.READABLE, SERVER_TOKEN);
        } catch (RuntimeException failure) {
            taken.closeAfter(failure);
            throw failure;
        }
    }

    Path path() {
        return server.path();
    }

    /** Ends an {@link #await}; any thread. */
    void wake() {
        wake.signal();
    }

    /** Waits for something to happen, and deals with it. */
    void await() {
        epoll.await(moreFaults.isEmpty() ? paused ? PAUSE_NANOS : -1 : 0, this::onReady);
        if (paused) {
            resume();
        }
        // A ring's worth from each: a device that faults all the time may not hold up the others.
        for (int left = moreFaults.size(); left > 0; left--) {
            deliverFaults(moreFaults.poll());
        }
    }

    private void deliverFaults(Connection connection) {
        if (connections.containsKey(connection.token)
                && connection.domain.deliverFaults(connection.device)
                && !moreFaults.contains(connection)) {
            moreFaults.add(connection);
        }
    }

    private void resume() {
        try {
            epoll.add(server.descriptor(), Epoll.READABLE, SERVER_TOKEN);
            paused = false;
        } catch (NativeException scarce) {
            // After another pause; the devices that are attached shall not suffer.
            LOG.log(System.Logger.Level.WARNING, "iommu owner: {0}", scarce.getMessage());
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
            LOG.log(System.Logger.Level.WARNING, "iommu owner at " + server.path(), failure);
        }
    }

    private void acceptAll() {
        for (UnixSocket socket = accept(); socket != null; socket = accept()) {
            if (connections.size() >= MAX_CONNECTIONS && !dropSilent()) {
                refuse(socket, "too many devices are connected: " + MAX_CONNECTIONS);
                continue;
            }
            Connection connection = new Connection(socket, nextToken());
            connections.put(connection.token, connection);
            try {
                epoll.add(socket.descriptor(), Epoll.READABLE | Epoll.HANG_UP, connection.token);
            } catch (NativeException scarce) {
                drop(connection, scarce.getMessage());
            }
        }
    }

    /** The next connection that waits, or null. */
    private UnixSocket accept() {
        try {
            return server.accept();
        } catch (NativeException noDescriptors) {
            // It keeps waiting: without a pause this thread would turn round it as fast as it can.
            LOG.log(System.Logger.Level.WARNING, "iommu owner: {0}", noDescriptors.getMessage());
            epoll.remove(server.descriptor());
            paused = true;
            return null;
        }
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
        for (Connection connection : connections.values()) {
            if (connection.name == null) {
                drop(connection, null);
                return true;
            }
        }
        return false;
    }

    private void onConnectionReady(int token, int events) {
        Connection connection = connections.get(token & ~1);
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

    private void receive(Connection connection) {
        int length = connection.socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, null, false);
        if (length == UnixSocket.WOULD_BLOCK) {
            return;
        }
        if (length == UnixSocket.END_OF_STREAM) {
            drop(connection, null);
            return;
        }
        if (connection.name != null) {
            receiveDone(connection, length);
            return;
        }
        if (AttachProtocol.type(buffer, length) != AttachProtocol.HELLO) {
            throw new IllegalArgumentException("the first message must be the device's name");
        }
        connection.name = AttachProtocol.requireName(AttachProtocol.readText(buffer, length));
        attachIfClaimed(connection);
    }

    /** After its name, a device says only that it has done what it was asked for. */
    private void receiveDone(Connection connection, int length) {
        if (AttachProtocol.type(buffer, length) != AttachProtocol.DONE
                || connection.changes.isEmpty()
                || AttachProtocol.readDone(buffer, length) != connection.changesDone + 1) {
            throw new IllegalArgumentException(
                    "a device says nothing after its name but what it was asked for");
        }
        connection.changesDone++;
        connection.changes.remove().done();
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
        for (Connection connection : List.copyOf(connections.values())) {
            if (connection.domain == domain && connection.device != null) {
                change.expect(connection.name);
                connection.changes.add(change);
                try {
                    tell(connection, change);
                } catch (RuntimeException failure) {
                    drop(connection, failure.getMessage());
                }
            }
        }
        change.begin();
    }

    private void tell(Connection connection, SegmentChange change) {
        PhysicalSegment segment = change.segment();
        int type = change.adds() ? AttachProtocol.SEGMENT_ADDED : AttachProtocol.SEGMENT_REMOVED;
        int length =
                AttachProtocol.writeChange(
                        buffer,
                        type,
                        new Change(
                                ++connection.changesTold,
                                new Segment(segment.physicalAddress(), segment.lengthBytes())));
        Descriptor[] file =
                change.adds() ? new Descriptor[] {segment.descriptor()} : new Descriptor[0];
        requireSent(connection.socket.trySend(buffer, 0, length, file));
    }

    /** Attaches the devices whose name was claimed after they came. */
    void attachWaiting() {
        for (Connection connection : List.copyOf(connections.values())) {
            if (connection.name != null && connection.device == null) {
                try {
                    attachIfClaimed(connection);
                } catch (RuntimeException failure) {
                    refuse(connection, failure.getMessage());
                }
            }
        }
    }

    private void attachIfClaimed(Connection connection) {
        OwnedDomain domain = claims.apply(connection.name);
        if (domain == null) {
            return;
        }
        AttachedDevice before = domain.attached(connection.name);
        if (before != null && !before.isGone()) {
            throw new IllegalStateException(
                    "device=%s is attached already, as process %d"
                            .formatted(connection.name, before.processId()));
        }
        AttachedDevice device = new AttachedDevice(connection.name, connection.socket);
        connection.device = device;
        connection.domain = domain;
        // Never read: the device shares the open file, and could make a read of it block.
        epoll.add(
                device.faultEvent().descriptor(),
                Epoll.READABLE | Epoll.EDGE,
                connection.token | 1);
        if (!domain.add(device)) {
            throw new IllegalStateException("the driver is closing its domain");
        }
        grant(connection, domain);
        domain.announce();
    }

    private void grant(Connection connection, OwnedDomain domain) {
        List<PhysicalSegment> segments = domain.segments();
        DomainOptions options = domain.options();
        Grant grant =
                new Grant(
                        options.format(),
                        options.tableEntries(),
                        options.iotlb(),
                        segments.size(),
                        domain.hubOf(connection.name));
        AttachedDevice device = connection.device;
        int length = AttachProtocol.writeGrant(buffer, grant);
        requireSent(
                connection.socket.trySend(
                        buffer,
                        0,
                        length,
                        domain.tableFile().descriptor(),
                        device.controlFile().descriptor(),
                        device.faultEvent().descriptor()));
        for (PhysicalSegment segment : segments) {
            length =
                    AttachProtocol.writeSegment(
                            buffer, new Segment(segment.physicalAddress(), segment.lengthBytes()));
            requireSent(connection.socket.trySend(buffer, 0, length, segment.descriptor()));
        }
    }

    private static void requireSent(int sent) {
        if (sent == UnixSocket.WOULD_BLOCK) {
            throw new IllegalStateException("the device does not read what it is sent");
        }
    }

    private void refuse(Connection connection, String why) {
        if (connection.device == null) {
            sendRefusal(connection.socket, why);
        }
        drop(connection, why);
    }

    private void refuse(UnixSocket socket, String why) {
        sendRefusal(socket, why);
        socket.close();
    }

    private void sendRefusal(UnixSocket socket, String why) {
        try {
            socket.trySend(buffer, 0, AttachProtocol.writeRefusal(buffer, why));
        } catch (PeerGoneException gone) {
            // It does not want to know.
        }
    }

    /** Ends a connection, for a reason worth telling or null. */
    private void drop(Connection connection, String why) {
        if (connections.remove(connection.token) == null) {
            return;
        }
        if (why != null) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "device={0} is disconnected from {1}: {2}",
                    connection.name,
                    server.path(),
                    why);
        }
        unwatch(connection.socket.descriptor());
        if (connection.device == null) {
            connection.socket.close();
            return;
        }
        unwatch(connection.device.faultEvent().descriptor());
        try {
            connection.domain.remove(connection.device);
            connection.device.close();
        } finally {
            // Gone is as good as done.
            connection.changes.forEach(SegmentChange::done);
        }
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
        for (Connection connection : List.copyOf(connections.values())) {
            if (connection.domain == domain) {
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
        all.add(server);
        for (Connection connection : connections.values()) {
            all.add(() -> drop(connection, null));
        }
        all.close();
    }
}
