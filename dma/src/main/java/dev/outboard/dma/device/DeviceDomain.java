package dev.outboard.dma.device;

import dev.outboard.dma.DevicePresence;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainServices;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.FaultDelivery;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.PageTable;
import dev.outboard.uio.vhost.IotlbBatch;
import dev.outboard.uio.vhost.VhostFrontEnd;
import java.lang.foreign.Arena;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;

/**
 * The I/O address space of one device that has an IOTLB of its own: a table in ordinary memory of
 * this process, which nobody else sees, and the device it is fed to.
 *
 * <p>Owned by who claimed it. Any thread, but for its mapping services, which have one each, and
 * for {@link #missed} and {@link #accessFailed}, which are the thread's that reads the back-end
 * channel.
 */
public final class DeviceDomain implements IommuDomain {
    private final DeviceDomains domains;
    private final String name;
    private final PhysicalMemory memory;
    private final DomainOptions options;
    private final PageTable table;
    private final MissAnswer missAnswer;

    private final DomainServices services;
    private final DevicePresence presence = new DevicePresence();
    private final FaultDelivery faults = new FaultDelivery();
    private final FeedCounts counts = new FeedCounts();
    private final KeptRanges kept = new KeptRanges();
    private final ClearedPages cleared;
    private volatile DeviceIotlb iotlb;

    /** Held by a side flush that is under way; guards {@link #isLeaving}. */
    private final Object sideFlushing = new Object();

    private boolean isLeaving;

    private volatile boolean readsWhatItWrites;
    private MissServer server;

    DeviceDomain(DeviceDomains domains, String name, PhysicalMemory memory, DomainOptions options) {
        this.domains = domains;
        this.name = name;
        this.memory = memory;
        this.options = options;
        // Not closed by hand: the thread that answers misses may be in the middle of a walk.
        table =
                options.format()
                        .create(
                                Arena.ofAuto()
                                        .allocate(
                                                options.format().tableBytes(options.tableEntries()),
                                                IoPage.BYTES),
                                options.tableEntries());
        missAnswer = new MissAnswer(this);
        cleared = new ClearedPages(Math.toIntExact(table.pages()), this::look);
        services = new DomainServices(name, memory, options);
    }

    /**
     * The device is there: from now on it is fed, and heard by a thread of the domain's own. Once
     * in a domain's life.
     *
     * @param frontEnd borrowed until {@link #detach()}; with VIRTIO_F_ACCESS_PLATFORM, REPLY_ACK
     *     and BACKEND_REQ, and a memory table in which user addresses are physical addresses
     * @param onFailure told, on the thread that finds out, when the device cannot be talked to any
     *     more; short, and must not detach
     */
    public synchronized void attach(VhostFrontEnd frontEnd, Consumer<RuntimeException> onFailure) {
        services.requireOpen();
        if (iotlb != null) {
            throw new IllegalStateException("domain=" + name + " has had its device already");
        }
        server = MissServer.start(frontEnd, this, onFailure);
        iotlb = new DeviceIotlb(name, frontEnd, onFailure);
        // Full fence: the device is seen before a table is walked for it. Partner: the fence in
        // "iotlbAfterClear".
        VarHandle.fullFence();
        presence.set(1);
    }

    /**
     * The connection is about to close: the device is heard no more. Not on the thread that hears
     * it. A device that is stuck stays so. Twice does no harm.
     */
    public void detach() {
        MissServer last;
        synchronized (this) {
            presence.set(0);
            last = server;
            server = null;
        }
        if (last != null) {
            last.close();
        }
        // Nobody may be in the middle of a question when the connection closes.
        synchronized (sideFlushing) {
            isLeaving = true;
        }
    }

    /**
     * Takes everything from the device that was cleared before, for another thread than a mapping
     * service's; waits for its answer.
     *
     * @param everything an invalidation of all pages
     * @return false if the device is about to be disconnected, and nothing was asked
     * @throws DeviceStuckException if it does not say that it has dropped everything
     */
    boolean flushAll(IotlbBatch everything, RangeAnswer answer) {
        synchronized (sideFlushing) {
            if (isLeaving) {
                return false;
            }
            DeviceIotlb present = iotlbAfterClear();
            if (present != null) {
                present.invalidate(everything);
                counts.invalidated(true, 1);
                pushAgain(present, answer);
            }
            return true;
        }
    }

    /** The device, or null. */
    DeviceIotlb iotlb() {
        return iotlb;
    }

    /** The same after entries were cleared: a device that came meanwhile found them cleared. */
    DeviceIotlb iotlbAfterClear() {
        DeviceIotlb present = iotlb;
        if (present == null) {
            // Full fence: the entries are cleared before it is looked again. Partner: the fence in
            // "attach": either the device is seen here, or its first walk sees what was cleared.
            VarHandle.fullFence();
            present = iotlb;
        }
        return present;
    }

    /**
     * Gives the device what is mapped under a run of IOVA, before it asks, and again whenever it
     * has dropped everything: what it needs at once and all the time, such as rings. What is not
     * mapped is passed over. DPDK's 22.11 was seen not to ask for a ring that it lost twice.
     */
    public synchronized void push(long iova, long lengthBytes) {
        DeviceIotlb present = iotlb;
        if (present == null) {
            return;
        }
        // Kept first: another thread may have the device drop everything at any moment.
        kept.add(iova, lengthBytes);
        counts.pushed(new RangeAnswer(this).send(present, iova, lengthBytes));
    }

    /**
     * The device has dropped all translations of itself, as one does that is given another memory
     * table: it has again what it needs all the time before this returns, and asks for the rest.
     */
    public void forgotten() {
        DeviceIotlb present = iotlb;
        if (present != null) {
            pushAgain(present, new RangeAnswer(this));
        }
    }

    /** The device has dropped everything: what it needs all the time is pushed again. */
    void pushAgain(DeviceIotlb present, RangeAnswer answer) {
        counts.pushed(kept.send(present, answer));
    }

    /**
     * The rights that a device is told of. As behind a VT-d without its capability ZLR (reads of
     * zero bytes), what may be written may be read, but only by a device that asks for both where
     * it only writes, as DPDK's does.
     */
    int told(int access) {
        return readsWhatItWrites && access == Access.WRITE ? Access.READ_WRITE : access;
    }

    /** The device asks for both rights where it only writes: it would not go on with one. */
    void letReadWhatMayBeWritten() {
        readsWhatItWrites = true;
    }

    /** Whether the device may read what is mapped for writing only, since it asks for both. */
    public boolean isReadingWhatItWrites() {
        return readsWhatItWrites;
    }

    PageTable table() {
        return table;
    }

    /**
     * The device lacks a translation: it gets it, or there is a fault. The server's thread.
     *
     * @return whether it gets it
     */
    boolean missed(long iova, int access) {
        DeviceIotlb present = iotlb;
        if (present == null) {
            // It asks before it was told of anything: that is nothing it could need.
            return false;
        }
        FaultReason reason = missAnswer.send(present, iova, access);
        if (reason == null) {
            counts.answered();
        } else if (mayBeLate(iova >>> IoPage.SHIFT)) {
            counts.late();
        } else {
            faults.deliver(new Fault(name, iova, access, reason));
        }
        return reason == null;
    }

    private boolean mayBeLate(long page) {
        return page < table.pages() && cleared.mayBeLate(page);
    }

    /** Somebody clears pages: whoever hears the device should look. */
    private synchronized void look() {
        if (server != null) {
            server.wake();
        }
    }

    /** Which pages were cleared, and when. */
    ClearedPages cleared() {
        return cleared;
    }

    /** The device was refused an access, by its own IOTLB. The server's thread. */
    void accessFailed(long iova, int access) {
        FaultReason reason = missAnswer.reason(iova, access);
        FaultReason told = reason == null ? FaultReason.ACCESS_DENIED : reason;
        faults.deliver(new Fault(name, iova, access, told));
    }

    FeedCounts counts() {
        return counts;
    }

    /** Translations that the device was given without asking. */
    public long pushedUpdates() {
        return counts.pushedUpdates();
    }

    /** Misses of what was unmapped while the device asked: answered, with no translation. */
    public long lateMisses() {
        return counts.lateMisses();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public DomainOptions options() {
        return options;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    /**
     * Not possible: an IOTLB is of one device.
     *
     * @throws IllegalStateException always
     */
    @Override
    public void admit(String deviceName) {
        throw new IllegalStateException(
                ("device=%s cannot share the domain of device=%s, whose IOTLB is its own: claim a"
                                + " domain for it")
                        .formatted(deviceName, name));
    }

    @Override
    public Dma dma(StrategyOptions strategy) {
        return services.open(
                strategy, (iovas, onClose) -> new DeviceTranslations(this, iovas, onClose));
    }

    @Override
    public boolean isAttached() {
        return presence.count() > 0;
    }

    @Override
    public boolean awaitAttached(long timeoutNanos) {
        return presence.await(timeoutNanos);
    }

    @Override
    public void onFault(Consumer<Fault> consumer) {
        faults.to(consumer);
    }

    /**
     * What can be seen from here: hits and evictions are the device's own business, and count as 0.
     */
    @Override
    public DomainStatistics statistics() {
        return counts.statistics(presence.count(), faults.delivered());
    }

    @Override
    public void close() {
        if (!services.end()) {
            return;
        }
        presence.end();
        try {
            services.close();
        } finally {
            detach();
            domains.forget(this);
        }
    }
}
