package dev.outboard.dma;

import dev.outboard.iommu.Fault;
import dev.outboard.iommu.PageTable;
import dev.outboard.uio.MemoryFile;
import java.util.List;
import java.util.function.Consumer;

/**
 * One I/O address space whose table this process has: the table, and the devices that share it.
 *
 * <p>Owned by who claimed it. Any thread, but for its mapping services, which have one each at a
 * time, and for the flush by hand of {@link HeldDomain}, which is one thread's. Devices come and go
 * on the owner's thread; the table stays.
 */
final class OwnedDomain implements HeldDomain, MemoryListener {
    private final IommuOwner owner;
    private final String name;
    private final PhysicalMemory memory;
    private final DomainOptions options;
    private final TableMemory table;
    private final DomainServices services;
    private final DomainMemory reachable;
    private final DomainDevices devices = new DomainDevices();

    /** The flusher of who writes the table by hand, if anybody does. */
    private Flusher holder;

    /** Whether that flush has begun and is not over. */
    private boolean flushing;

    OwnedDomain(IommuOwner owner, String name, PhysicalMemory memory, DomainOptions options) {
        this.owner = owner;
        this.name = name;
        this.memory = memory;
        this.options = options;
        services = new DomainServices(name, memory, options);
        table = new TableMemory(name, options);
        // From now on segments come and go; each is in the list or told of, and none is both.
        reachable = memory.between(() -> new DomainMemory(name, memory.addListener(this)));
    }

    /** A segment of the domain's own memory comes to its devices. */
    @Override
    public void coming(PhysicalSegment segment) {
        requireReach(segment);
        try {
            change(SegmentChange.ofOwn(segment, true));
        } catch (DeviceStuckException stuck) {
            owner.begin(this, SegmentChange.ofOwn(segment, false));
            throw stuck;
        }
    }

    private void requireReach(PhysicalSegment segment) {
        long lastFrame = FrameRange.of(segment).end() - 1;
        if (lastFrame > options.format().maxPageFrame()) {
            throw new IllegalStateException(
                    "memory at 0x%x is beyond what entries of format=%s of domain=%s can name"
                            .formatted(segment.physicalAddress(), options.format().title(), name));
        }
    }

    /** It goes: no entry names it any more. */
    @Override
    public void going(PhysicalSegment segment) {
        try {
            change(SegmentChange.ofOwn(segment, false));
        } catch (DeviceStuckException stuck) {
            // Put back at once, for who attaches from now on: the memory stays.
            owner.begin(this, SegmentChange.ofOwn(segment, true));
            throw stuck;
        }
    }

    private void change(SegmentChange change) {
        owner.change(this, change, options.flushLimitNanos());
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

    @Override
    public void admit(String deviceName) {
        admit(deviceName, 0);
    }

    @Override
    public void admit(String deviceName, int hubId) {
        services.requireOpen();
        // Refuses a hub that the table does not know.
        table().forHub(hubId);
        if (!devices.admit(deviceName, hubId)) {
            throw new IllegalStateException(
                    "device=%s is admitted to domain=%s already".formatted(deviceName, name));
        }
        try {
            owner.admit(deviceName, this);
        } catch (RuntimeException failure) {
            devices.revoke(deviceName);
            throw failure;
        }
    }

    @Override
    public Dma dma(StrategyOptions strategy) {
        return dma(strategy, 0);
    }

    @Override
    public Dma dma(StrategyOptions strategy, int hubId) {
        return services.open(strategy, over(table().forHub(hubId)));
    }

    /** What the service of a slot stands on, for who does without one. */
    Translations translations(int slot) {
        return services.translations(slot, over(table()));
    }

    /** All services share the table; each flushes for itself. */
    private DomainServices.Source<TableTranslations> over(PageTable view) {
        return (iovas, onClose) ->
                new TableTranslations(
                        view, () -> new Flusher(name, devices.flushed(), options), iovas, onClose);
    }

    @Override
    public boolean isAttached() {
        return devices.presence().count() > 0;
    }

    @Override
    public boolean awaitAttached(long timeoutNanos) {
        return devices.presence().await(timeoutNanos);
    }

    @Override
    public void onFault(Consumer<Fault> consumer) {
        devices.faults().to(consumer);
    }

    @Override
    public DomainStatistics statistics() {
        return devices.statistics();
    }

    @Override
    public PageTable table() {
        return table.table();
    }

    @Override
    public void invalidate(long page, long pages) {
        beginFlush();
        holder.request(page, pages);
    }

    @Override
    public void invalidateAll() {
        beginFlush();
        holder.requestAll();
    }

    /** Once for all requests: who comes between two of them is asked for everything at the end. */
    private void beginFlush() {
        if (holder == null) {
            holder = new Flusher(name, devices.flushed(), options);
        }
        if (!flushing) {
            flushing = true;
            holder.begin();
        }
    }

    @Override
    public boolean pollSettled() {
        if (flushing && holder.poll()) {
            flushing = false;
        }
        return !flushing;
    }

    @Override
    public void onDevicesChanged(Runnable listener) {
        devices.onChange(listener);
    }

    @Override
    public void addSegment(PhysicalSegment segment, long timeoutNanos) {
        owner.change(this, new SegmentChange(segment, true), timeoutNanos);
    }

    @Override
    public void removeSegment(PhysicalSegment segment, long timeoutNanos) {
        owner.change(this, new SegmentChange(segment, false), timeoutNanos);
    }

    @Override
    public SegmentMove beginAdd(PhysicalSegment segment) {
        return owner.begin(this, new SegmentChange(segment, true));
    }

    @Override
    public SegmentMove beginRemove(PhysicalSegment segment) {
        return owner.begin(this, new SegmentChange(segment, false));
    }

    @Override
    public void dropDevices() {
        owner.detach(this);
    }

    /** What its devices can be allowed to reach: its memory, and what was added since. */
    List<PhysicalSegment> segments() {
        return reachable.segments();
    }

    /**
     * Owner's thread: whoever attaches from now on is granted what was added, and not what was
     * removed.
     *
     * @throws IllegalArgumentException if what is added overlaps, or what is removed is not there
     * @throws IllegalStateException if there are too many, or the domain is closed
     */
    void apply(SegmentChange change) {
        services.requireOpen();
        reachable.apply(change);
    }

    /** For the owner's thread, which alone adds and removes. */
    DomainDevices devices() {
        return devices;
    }

    /** Whether a device may still be added. */
    boolean isClosed() {
        return services.isEnded();
    }

    MemoryFile tableFile() {
        return table.file();
    }

    @Override
    public void close() {
        if (!services.end()) {
            return;
        }
        memory.removeListener(this);
        devices.presence().end();
        try {
            services.close();
        } finally {
            // No device is added any more: the owner's thread looks whether this is closed.
            owner.forget(this);
            table.close();
        }
    }
}
