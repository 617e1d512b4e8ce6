package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.SegmentSource;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/**
 * A driver's connection to the mediator, a process that owns memory and tables: a source of domains
 * like an owner in the driver's own process, but for its cost.
 *
 * <p>Any thread. If the mediator ends, every call that needs it throws {@link PeerGoneException},
 * whose message says what to do, and {@link #onLost} is told: the mappings are gone, so the driver
 * ends, and is started again with a new connection.
 */
public final class MediatorClient implements DomainSource {
    private static final System.Logger LOG = System.getLogger(MediatorClient.class.getName());
    private static final int MAX_EARLY = 256;

    private final ControlChannel channel;
    private final Map<Long, RemoteDomain> domains = new HashMap<>();
    private final Map<Long, ReceivedGrant> grants = new HashMap<>();

    /** What was told of domains that nobody knows yet. */
    private final List<ControlMessage> early = new ArrayList<>();

    /** Held while a message is dealt with; taken before this object's own lock, never after. */
    private final Object telling = new Object();

    /** Told of the end of the mediator; null once it was. Guarded by this. */
    private Runnable onLost = () -> {};

    private volatile ReceivedGrant.Listener listener;

    /** Tells of grants; null before the first one. Guarded by this. */
    private ExecutorService granting;

    private boolean closed;

    private MediatorClient(Path path, UnixSocket socket) {
        channel = new ControlChannel(path, socket, this::told, this::lost);
    }

    /**
     * Connects to a mediator, under a name that quotas and reports know it by.
     *
     * @param timeoutNanos how long to wait for the socket to appear
     * @throws IllegalStateException if the mediator refuses, with its reason
     * @throws IllegalArgumentException if it is no name
     */
    public static MediatorClient connect(Path path, String clientName, long timeoutNanos) {
        Names.require(clientName, "client");
        UnixSocket socket = UnixSocket.connect(path, UnixSocket.Kind.SEQPACKET, timeoutNanos);
        MediatorClient client = new MediatorClient(path, socket);
        client.channel.start();
        try {
            client.channel.ask(ControlMessage.of(Kind.HELLO, clientName));
        } catch (RuntimeException failure) {
            client.channel.close();
            throw failure;
        }
        return client;
    }

    @Override
    public void onLost(Runnable action) {
        synchronized (this) {
            if (onLost != null) {
                onLost = action;
                return;
            }
        }
        action.run();
    }

    private void lost() {
        List<RemoteDomain> waiting;
        Runnable told;
        synchronized (this) {
            waiting = List.copyOf(domains.values());
            told = onLost;
            onLost = null;
        }
        waiting.forEach(domain -> domain.devices(0));
        told.run();
    }

    /** Asks: a mediator that is being killed has no thread left that could answer. */
    @Override
    public void checkPresent() {
        channel.ask(ControlMessage.of(Kind.PRESENT));
    }

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return memory(lengthBytes, false);
    }

    /**
     * Physical memory that a driver cannot do without: its first segment is charged up to the
     * quota's limit, not only to its barrier.
     */
    public PhysicalMemory essentialMemory(long lengthBytes) {
        return memory(lengthBytes, true);
    }

    private PhysicalMemory memory(long lengthBytes, boolean essential) {
        MediatorSegments segments = new MediatorSegments(channel);
        SegmentSource.Made first = segments.make(lengthBytes, PageKind.BASE, essential);
        try {
            return PhysicalMemory.adopt(
                    first.physicalAddress(), first.file(), segments, segments::close);
        } catch (RuntimeException failure) {
            segments.close();
            throw failure;
        }
    }

    @Override
    public IommuDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        Names.require(deviceName, "device");
        ControlMessage done =
                channel.ask(
                        ControlMessage.of(
                                Kind.CLAIM,
                                deviceName,
                                memory.segments().getFirst().physicalAddress(),
                                options.format().code(),
                                options.tableEntries(),
                                options.iotlb().code(),
                                options.flushLimitNanos()));
        RemoteDomain domain =
                new RemoteDomain(this, channel, deviceName, memory, options, done.word(0));
        // Held until all of it is told: a later message may not overtake an earlier one.
        synchronized (telling) {
            List<ControlMessage> before;
            synchronized (this) {
                domains.put(domain.id(), domain);
                before = early.stream().filter(told -> told.word(0) == domain.id()).toList();
                early.removeAll(before);
            }
            before.forEach(this::told);
        }
        return domain;
    }

    synchronized void forget(RemoteDomain domain) {
        domains.remove(domain.id());
    }

    /** Who is told that grants of other clients come and go; those that are there, at once. */
    public void onGrant(ReceivedGrant.Listener told) {
        List<ReceivedGrant> present;
        synchronized (this) {
            listener = told;
            present = new ArrayList<>(grants.values());
        }
        present.forEach(told::granted);
    }

    /**
     * Lets another client's domain map memory of ours.
     *
     * @param deviceName the device that the domain was claimed for
     * @param physicalAddress and {@code lengthBytes}: whole pages of one segment of ours
     * @param access bits of {@link dev.outboard.iommu.Access}
     * @return closed to end the grant: then nothing reaches the memory any more
     */
    public MemoryGrant grant(
            String deviceName, long physicalAddress, long lengthBytes, int access) {
        Names.require(deviceName, "device");
        ControlMessage done =
                channel.ask(
                        ControlMessage.of(
                                Kind.GRANT, deviceName, physicalAddress, lengthBytes, access));
        return new MemoryGrant(channel, done.word(0));
    }

    private void told(ControlMessage message) {
        synchronized (telling) {
            tell(message);
        }
    }

    private void tell(ControlMessage message) {
        RemoteDomain domain;
        synchronized (this) {
            domain = domains.get(message.word(0));
            if (domain == null) {
                // Of a domain that is gone, or of one whose claim has just been answered.
                if (early.size() == MAX_EARLY) {
                    early.removeFirst();
                }
                early.add(message);
                return;
            }
        }
        switch (message.kind()) {
            case FAULT -> domain.fault(message);
            case DEVICES -> domain.devices(message.number(1));
            case GRANTED -> grants().execute(() -> granted(domain, message));
            case ENDED -> grants().execute(() -> ended(domain, message.word(1)));
            default -> throw new IllegalArgumentException("told " + message);
        }
    }

    /**
     * A thread for grants, from the first one on: a service that maps what is granted asks the
     * mediator, and the thread on which answers come may not wait for one.
     */
    private synchronized Executor grants() {
        if (closed) {
            return late -> {};
        }
        if (granting == null) {
            granting =
                    Executors.newSingleThreadExecutor(
                            Thread.ofPlatform().daemon().name("mediator-grants").factory());
        }
        return granting;
    }

    private void granted(RemoteDomain domain, ControlMessage message) {
        ReceivedGrant grant =
                new ReceivedGrant(
                        message.word(1),
                        domain.name(),
                        message.word(2),
                        message.word(3),
                        message.number(4));
        ReceivedGrant.Listener told;
        synchronized (this) {
            grants.put(grant.id(), grant);
            told = listener;
        }
        domain.memory().addGranted(grant.physicalAddress(), grant.lengthBytes(), grant.access());
        if (told != null) {
            tellOf(grant, told::granted);
        }
    }

    private void ended(RemoteDomain domain, long id) {
        ReceivedGrant grant;
        ReceivedGrant.Listener told;
        synchronized (this) {
            grant = grants.remove(id);
            told = listener;
        }
        if (grant == null) {
            return;
        }
        domain.memory().removeGranted(grant.physicalAddress(), grant.lengthBytes());
        if (told != null) {
            tellOf(grant, told::ended);
        }
    }

    private static void tellOf(ReceivedGrant grant, Consumer<ReceivedGrant> told) {
        try {
            told.accept(grant);
        } catch (RuntimeException defect) {
            // A listener's defect may not keep others from hearing of grants.
            LOG.log(System.Logger.Level.WARNING, "a listener failed: " + grant, defect);
        }
    }

    /** Nobody hears of grants any more; not on the thread that tells of them. */
    private void endGrants() {
        ExecutorService last;
        synchronized (this) {
            last = granting;
            granting = null;
        }
        if (last != null) {
            last.shutdownNow();
        }
    }

    /** Ends the connection and says nothing before, as the end of this process would. */
    void abandon() {
        synchronized (this) {
            closed = true;
        }
        endGrants();
        channel.close();
    }

    @Override
    public void close() {
        List<RemoteDomain> open;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            open = List.copyOf(domains.values());
        }
        endGrants();
        try {
            open.forEach(RemoteDomain::close);
        } finally {
            channel.close();
        }
    }
}
