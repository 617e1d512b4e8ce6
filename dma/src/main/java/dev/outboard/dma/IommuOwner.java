package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;

/**
 * The owner of the IOMMU in the driver's own process: devices attach to it over a SEQPACKET socket,
 * by name, each to the domain that was claimed for that name.
 *
 * <p>A daemon thread of its own accepts, attaches, notices deaths and delivers faults; it alone
 * touches connections. {@link #claim}, {@link #close} and the domains may be used from any thread.
 * What devices send is checked; the worst they achieve is the end of their own connection.
 */
public final class IommuOwner implements AutoCloseable {
    /** The most connections, attached or not; further ones are turned away. */
    static final int MAX_CONNECTIONS = 64;

    private static final System.Logger LOG = System.getLogger(IommuOwner.class.getName());
    private static final int SERVER_TOKEN = 0;
    private static final int WAKE_TOKEN = 1;

    private final UnixServer server;
    private final Epoll epoll;
    private final EventDescriptor wake;
    private final Thread thread;
    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final Map<String, IommuDomain> claims = new HashMap<>();
    private volatile boolean stopping;

    /**
     * Owner's thread only: connections by the token of their socket; a fault event has the token
     * after it.
     */
    private final Map<Integer, Connection> connections = new HashMap<>();

    private int nextToken = 2;

    /** A connection, and what it became. */
    private static final class Connection {
        final UnixSocket socket;
        final int token;
        String name;
        IommuDomain domain;
        AttachedDevice device;

        Connection(UnixSocket socket, int token) {
            this.socket = socket;
            this.token = token;
        }
    }

    private IommuOwner(Path socket) {
        epoll = Epoll.create();
        EventDescriptor event = null;
        try {
            event = EventDescriptor.create();
            epoll.add(event.descriptor(), Epoll.READABLE, WAKE_TOKEN);
            server = UnixServer.listen(socket, UnixSocket.Kind.SEQPACKET);
            epoll.add(server.descriptor(), Epoll.READABLE, SERVER_TOKEN);
        } catch (RuntimeException failure) {
            if (event != null) {
                event.close();
            }
            epoll.close();
            throw failure;
        }
        wake = event;
        thread = Thread.ofPlatform().daemon().name("iommu-owner").unstarted(this::run);
    }

    /**
     * Listens; a daemon thread serves devices from then on.
     *
     * @throws RuntimeException if the path cannot be listened at; the message says what to do
     */
    public static IommuOwner listen(Path socket) {
        IommuOwner owner = new IommuOwner(socket);
        owner.thread.start();
        return owner;
    }

    /** Where devices find it. */
    public Path path() {
        return server.path();
    }

    /**
     * Makes a domain for the device of that name, which attaches now or later.
     *
     * @throws IllegalStateException if the name is claimed already, or the owner is closed
     * @throws IllegalArgumentException if it is no name
     */
    public IommuDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        AttachProtocol.requireName(deviceName);
        IommuDomain domain = new IommuDomain(this, deviceName, memory, options);
        try {
            admit(deviceName, domain);
        } catch (RuntimeException failure) {
            domain.close();
            throw failure;
        }
        return domain;
    }

    /** Lets a device of that name attach to a domain, also one that waits for it already. */
    void admit(String deviceName, IommuDomain domain) {
        AttachProtocol.requireName(deviceName);
        synchronized (claims) {
            if (claims.putIfAbsent(deviceName, domain) != null) {
                throw new IllegalStateException(
                        "device=%s is claimed already: one driver has it at a time"
                                .formatted(deviceName));
            }
        }
        submit(this::attachWaiting);
    }

    /** The domain is closed: nobody attaches to it any more, and who is attached is detached. */
    void forget(IommuDomain domain) {
        synchronized (claims) {
            claims.values().removeIf(claimed -> claimed == domain);
        }
        CountDownLatch done = new CountDownLatch(1);
        try {
            submit(
                    () -> {
                        for (Connection connection : List.copyOf(connections.values())) {
                            if (connection.domain == domain) {
                                drop(connection, "the driver has closed its domain");
                            }
                        }
                        done.countDown();
                    });
            done.await();
        } catch (RejectedExecutionException stopped) {
            // The owner's thread has ended, and dropped every connection first.
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void submit(Runnable task) {
        if (Thread.currentThread() == thread) {
            task.run();
            return;
        }
        synchronized (tasks) {
            if (stopping) {
                throw new RejectedExecutionException("the owner of the IOMMU is closed");
            }
            tasks.add(task);
            wake.signal();
        }
    }

    private void run() {
        try {
            while (!stopping) {
                epoll.await(-1, this::onReady);
                runTasks();
            }
        } finally {
            for (Connection connection : List.copyOf(connections.values())) {
                drop(connection, "the owner is closed");
            }
            runTasks();
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
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
        for (UnixSocket socket = server.accept(); socket != null; socket = server.accept()) {
            if (connections.size() >= MAX_CONNECTIONS && !dropSilent()) {
                refuse(socket, "too many devices are connected: " + MAX_CONNECTIONS);
                continue;
            }
            Connection connection = new Connection(socket, nextToken());
            connections.put(connection.token, connection);
            epoll.add(socket.descriptor(), Epoll.READABLE | Epoll.HANG_UP, connection.token);
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
                connection.device.faultEvent().drain();
                if (connection.domain.deliverFaults(connection.device)) {
                    connection.device.faultEvent().signal();
                }
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
            throw new IllegalArgumentException("a device says nothing after its name");
        }
        if (AttachProtocol.type(buffer, length) != AttachProtocol.HELLO) {
            throw new IllegalArgumentException("the first message must be the device's name");
        }
        connection.name = AttachProtocol.requireName(AttachProtocol.readText(buffer, length));
        attachIfClaimed(connection);
    }

    private void attachWaiting() {
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
        IommuDomain domain;
        synchronized (claims) {
            domain = claims.get(connection.name);
        }
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
        epoll.add(device.faultEvent().descriptor(), Epoll.READABLE, connection.token | 1);
        if (!domain.add(device)) {
            throw new IllegalStateException("the driver is closing its domain");
        }
        grant(connection, domain);
        domain.announce();
    }

    private void grant(Connection connection, IommuDomain domain) {
        List<PhysicalSegment> segments = domain.memory().segments();
        DomainOptions options = domain.options();
        Grant grant =
                new Grant(
                        options.format(), options.tableEntries(), options.iotlb(), segments.size());
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
                    System.Logger.Level.INFO,
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
        connection.domain.remove(connection.device);
        connection.device.close();
    }

    private void unwatch(Descriptor descriptor) {
        try {
            epoll.remove(descriptor);
        } catch (NativeException notWatched) {
            // The connection failed before it was watched.
        }
    }

    /** Closes all domains and the socket, and ends the thread. Twice does no harm. */
    @Override
    public void close() {
        List<IommuDomain> open;
        synchronized (claims) {
            open = new ArrayList<>(claims.values());
        }
        open.forEach(IommuDomain::close);
        synchronized (tasks) {
            if (stopping) {
                return;
            }
            stopping = true;
            wake.signal();
        }
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        server.close();
        epoll.close();
        wake.close();
    }
}
