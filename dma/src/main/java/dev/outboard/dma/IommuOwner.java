package dev.outboard.dma;

import dev.outboard.uio.Waits;
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
public final class IommuOwner implements DomainSource {
    private static final System.Logger LOG = System.getLogger(IommuOwner.class.getName());

    private final DeviceConnections connections;
    private final Path path;
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final Map<String, OwnedDomain> claims = new HashMap<>();
    private boolean stopping;

    private IommuOwner(Path socket) {
        connections = new DeviceConnections(socket, this::claimed);
        path = connections.path();
        thread = Thread.ofPlatform().daemon().name("iommu-owner").unstarted(this::run);
    }

    private OwnedDomain claimed(String deviceName) {
        synchronized (claims) {
            return claims.get(deviceName);
        }
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
        return path;
    }

    @Override
    public PhysicalMemory memory(long lengthBytes) {
        return PhysicalMemory.create(lengthBytes);
    }

    @Override
    public PhysicalMemory memory(long lengthBytes, PageKind pages) {
        return PhysicalMemory.create(pages, lengthBytes);
    }

    @Override
    public IommuDomain claim(String deviceName, PhysicalMemory memory, DomainOptions options) {
        return hold(deviceName, memory, options);
    }

    /** As {@link #claim}, for who writes the table on behalf of other processes. */
    public HeldDomain hold(String deviceName, PhysicalMemory memory, DomainOptions options) {
        AttachProtocol.requireName(deviceName);
        OwnedDomain domain = new OwnedDomain(this, deviceName, memory, options);
        try {
            admit(deviceName, domain);
        } catch (RuntimeException failure) {
            domain.close();
            throw failure;
        }
        return domain;
    }

    /** Lets a device of that name attach to a domain, also one that waits for it already. */
    void admit(String deviceName, OwnedDomain domain) {
        AttachProtocol.requireName(deviceName);
        synchronized (claims) {
            if (claims.putIfAbsent(deviceName, domain) != null) {
                throw new IllegalStateException(
                        "device=%s is claimed already: one driver has it at a time"
                                .formatted(deviceName));
            }
        }
        submit(connections::attachWaiting);
    }

    /** The domain is closed: nobody attaches to it any more, and who is attached is detached. */
    void forget(OwnedDomain domain) {
        synchronized (claims) {
            claims.values().removeIf(claimed -> claimed == domain);
        }
        detach(domain);
    }

    /** Drops the devices of a domain, and returns when that is done. */
    void detach(OwnedDomain domain) {
        CountDownLatch done = new CountDownLatch(1);
        try {
            submit(
                    () -> {
                        try {
                            connections.detach(domain);
                        } finally {
                            done.countDown();
                        }
                    });
            // Whatever interrupts us: who asked may unmap what the devices' end still uses.
            Waits.forOpening(done);
        } catch (RejectedExecutionException stopping) {
            // The owner's thread drops every connection before it ends.
            Waits.forEnd(thread);
        }
    }

    /** Begins to tell the devices of a domain that a segment comes or goes. */
    SegmentChange begin(OwnedDomain domain, SegmentChange change) {
        try {
            submit(() -> connections.change(domain, change));
        } catch (RejectedExecutionException stopping) {
            // The owner's thread drops every connection before it ends: nobody need be told.
            change.begin();
        }
        return change;
    }

    /**
     * Tells the devices of a domain that a segment comes or goes, and waits until all have done it
     * or are gone.
     *
     * @throws DeviceStuckException if one has not in time
     */
    void change(OwnedDomain domain, SegmentChange change, long timeoutNanos) {
        if (Thread.currentThread() == thread) {
            throw new IllegalStateException(
                    "memory comes and goes from any thread but the owner's, which may not wait");
        }
        try {
            submit(() -> connections.change(domain, change));
        } catch (RejectedExecutionException stopping) {
            // The owner's thread drops every connection before it ends.
            Waits.forEnd(thread);
            return;
        }
        String late = change.await(timeoutNanos);
        if (late != null) {
            throw new DeviceStuckException(
                    ("device=%s of domain=%s has not %s memory at 0x%x within %d ms:"
                                    + " stop its process")
                            .formatted(
                                    late,
                                    domain.name(),
                                    change.adds() ? "mapped" : "unmapped",
                                    change.segment().physicalAddress(),
                                    timeoutNanos / 1_000_000));
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
            connections.wake();
        }
    }

    private void run() {
        try {
            while (!isStopping()) {
                connections.await();
                runTasks();
            }
        } finally {
            connections.close();
            runTasks();
        }
    }

    /** Under the lock: who asked it to stop has also written the wake-up, so it may be closed. */
    private boolean isStopping() {
        synchronized (tasks) {
            return stopping;
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            try {
                task.run();
            } catch (RuntimeException failure) {
                // One domain's trouble may not end the thread that serves the others.
                LOG.log(System.Logger.Level.WARNING, "iommu owner at " + path, failure);
            }
        }
    }

    /**
     * Closes all domains and the socket, and ends the thread: when this returns, somebody else may
     * listen at the path, even if the caller was interrupted. Twice does no harm. On the owner's
     * own thread it returns before the socket is closed.
     */
    @Override
    public void close() {
        List<OwnedDomain> open;
        synchronized (claims) {
            open = new ArrayList<>(claims.values());
        }
        open.forEach(OwnedDomain::close);
        synchronized (tasks) {
            if (!stopping) {
                stopping = true;
                connections.wake();
            }
        }
        Waits.forEnd(thread);
    }
}
