package dev.outboard.dma;

import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.DeviceCounters;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.iommu.IovaSpace;
import dev.outboard.iommu.PageTable;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Resources;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One I/O address space: a table, and the devices that share it.
 *
 * <p>Owned by who claimed it. Any thread, but for its mapping services, which have one each at a
 * time. Devices come and go on the owner's thread; the table stays. The table is a memfd that only
 * this process can write: it was mapped here before all later mappings were sealed read-only.
 */
final class OwnedDomain implements HeldDomain {
    private static final System.Logger LOG = System.getLogger(IommuDomain.class.getName());

    private final IommuOwner owner;
    private final String name;
    private final PhysicalMemory memory;
    private final DomainOptions options;
    private final MemoryFile tableFile;
    private final Mapping tableMapping;
    private final PageTable table;

    /** The hub of each device that was admitted beside the one that was claimed. */
    private final Map<String, Integer> hubs = new HashMap<>();

    private final DeviceSet flushed = new DeviceSet();

    /** The flusher of who writes the table by hand, if anybody does. */
    private Flusher holder;

    private AttachedDevice[] devices = {};

    /** Memory that came after the domain was made; the owner's thread changes it. */
    private final List<PhysicalSegment> added = new ArrayList<>();

    private DeviceCounters countersOfGone = DeviceCounters.NONE;
    private long garbledByGone;
    private long faultsDelivered;

    /** Mapping services by slot; a slot has an allocator of the space of IOVA. */
    private final Dma[] services;

    private final IovaSpace iovaSpace;
    private final IovaAllocator[] iovas;

    private boolean closed;
    private boolean consumerFailed;

    /** Of the thread that holds the domain for others. */
    private boolean flushing;

    private volatile Runnable devicesListener = () -> {};
    private volatile Consumer<Fault> faultConsumer = fault -> {};

    OwnedDomain(IommuOwner owner, String name, PhysicalMemory memory, DomainOptions options) {
        this.owner = owner;
        this.name = name;
        this.memory = memory;
        this.options = options;
        long lengthBytes = options.format().tableBytes(options.tableEntries());
        Resources taken = new Resources();
        try {
            tableFile = taken.add(MemoryFile.create("outboard-tce-" + name, lengthBytes));
            tableFile.sealSize();
            tableMapping = taken.add(tableFile.map(0, lengthBytes, true));
            tableFile.sealFutureWrites();
        } catch (RuntimeException failure) {
            taken.closeAfter(failure);
            throw failure;
        }
        table = options.format().create(tableMapping.memory(), options.tableEntries());
        services = new Dma[options.services()];
        iovas = new IovaAllocator[options.services()];
        iovaSpace =
                options.allocation()
                        .create(
                                1,
                                options.tableEntries() - options.format().reservedLastPages(),
                                options.services());
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
        synchronized (this) {
            requireOpen();
            // Refuses a hub that the table does not know.
            table.forHub(hubId);
            if (hubs.putIfAbsent(deviceName, hubId) != null) {
                throw new IllegalStateException(
                        "device=%s is admitted to domain=%s already".formatted(deviceName, name));
            }
        }
        try {
            owner.admit(deviceName, this);
        } catch (RuntimeException failure) {
            synchronized (this) {
                hubs.remove(deviceName);
            }
            throw failure;
        }
    }

    /** The hub of a device that was admitted. */
    synchronized int hubOf(String deviceName) {
        return hubs.getOrDefault(deviceName, 0);
    }

    @Override
    public Dma dma(StrategyOptions strategy) {
        return dma(strategy, 0);
    }

    @Override
    public synchronized Dma dma(StrategyOptions strategy, int hubId) {
        requireOpen();
        PageTable view = table.forHub(hubId);
        int slot = freeSlot();
        Translations translations = translations(slot, view);
        try {
            services[slot] = Dma.over(memory, translations, strategy);
            return services[slot];
        } catch (RuntimeException failure) {
            translations.close();
            throw failure;
        }
    }

    private int freeSlot() {
        for (int slot = 0; slot < services.length; slot++) {
            if (services[slot] == null) {
                return slot;
            }
        }
        throw new IllegalStateException(
                ("domain=%s has its %d mapping services already:"
                                + " close one first, or claim the domain with more services")
                        .formatted(name, services.length));
    }

    /**
     * What the service of a slot stands on: all share the table, each flushes for itself, and IOVA
     * is shared out in the table's smallest entries.
     */
    Translations translations(int slot) {
        return translations(slot, table);
    }

    private Translations translations(int slot, PageTable view) {
        return new TableTranslations(
                view, () -> new Flusher(name, flushed, options), iovas(slot), () -> released(slot));
    }

    /** The allocator of a slot, which one service has after the other. */
    private synchronized IovaAllocator iovas(int slot) {
        if (iovas[slot] == null) {
            iovas[slot] = iovaSpace.open();
        }
        return iovas[slot];
    }

    private synchronized void released(int slot) {
        services[slot] = null;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("domain=" + name + " is closed");
        }
    }

    @Override
    public synchronized boolean isAttached() {
        return devices.length > 0;
    }

    @Override
    public synchronized boolean awaitAttached(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        while (devices.length == 0 && !closed) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        return devices.length > 0;
    }

    @Override
    public void onFault(Consumer<Fault> consumer) {
        faultConsumer = Objects.requireNonNull(consumer, "consumer");
    }

    @Override
    public synchronized DomainStatistics statistics() {
        DeviceCounters counters = countersOfGone;
        long garbled = garbledByGone;
        for (AttachedDevice device : devices) {
            counters = counters.plus(device.counters());
            garbled += device.control().faultsGarbled();
        }
        return new DomainStatistics(devices.length, counters, faultsDelivered, garbled);
    }

    @Override
    public PageTable table() {
        return table;
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
            holder = new Flusher(name, flushed, options);
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
        devicesListener = listener;
        if (isAttached()) {
            // It may have come before there was anybody to be told.
            listener.run();
        }
    }

    /** What its devices can be allowed to reach: its memory, and what was added since. */
    synchronized List<PhysicalSegment> segments() {
        List<PhysicalSegment> all = new ArrayList<>(memory.segments());
        all.addAll(added);
        return all;
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

    /**
     * Owner's thread: whoever attaches from now on is granted what was added, and not what was
     * removed.
     *
     * @throws IllegalArgumentException if what is added overlaps, or what is removed is not there
     * @throws IllegalStateException if there are too many, or the domain is closed
     */
    synchronized void apply(SegmentChange change) {
        requireOpen();
        PhysicalSegment segment = change.segment();
        if (!change.adds()) {
            if (!added.remove(segment)) {
                throw new IllegalArgumentException(
                        "memory at 0x%x was not added to domain=%s"
                                .formatted(segment.physicalAddress(), name));
            }
            return;
        }
        List<PhysicalSegment> all = segments();
        if (all.size() >= AttachProtocol.MAX_SEGMENTS) {
            throw new IllegalStateException(
                    "domain=%s has %d segments of memory: remove one".formatted(name, all.size()));
        }
        long start = segment.physicalAddress();
        for (PhysicalSegment other : all) {
            if (start < other.physicalAddress() + other.lengthBytes()
                    && other.physicalAddress() < start + segment.lengthBytes()) {
                throw new IllegalArgumentException(
                        "memory at 0x%x overlaps memory at 0x%x of domain=%s"
                                .formatted(start, other.physicalAddress(), name));
            }
        }
        added.add(segment);
    }

    @Override
    public void dropDevices() {
        owner.detach(this);
    }

    /** The devices as flushes ask them. */
    DeviceSet flushed() {
        return flushed;
    }

    MemoryFile tableFile() {
        return tableFile;
    }

    /** Which device of that name is attached, or null. */
    synchronized AttachedDevice attached(String deviceName) {
        for (AttachedDevice device : devices) {
            if (device.name().equals(deviceName)) {
                return device;
            }
        }
        return null;
    }

    /**
     * Owner's thread: flushes include the device from now on. Only then may it be told to start.
     */
    synchronized boolean add(AttachedDevice device) {
        if (closed) {
            return false;
        }
        AttachedDevice[] more = Arrays.copyOf(devices, devices.length + 1);
        more[devices.length] = device;
        devices = more;
        flushed.set(more);
        return true;
    }

    /** Any waiter may go on: the device was told to start. */
    void announce() {
        synchronized (this) {
            notifyAll();
        }
        devicesListener.run();
    }

    /** Owner's thread: the device is gone. Its last faults are delivered, its counters kept. */
    void remove(AttachedDevice device) {
        deliverFaults(device);
        synchronized (this) {
            AttachedDevice[] fewer =
                    Arrays.stream(devices)
                            .filter(other -> other != device)
                            .toArray(AttachedDevice[]::new);
            if (fewer.length == devices.length) {
                return;
            }
            devices = fewer;
            flushed.set(fewer);
            countersOfGone = countersOfGone.plus(device.counters());
            garbledByGone += device.control().faultsGarbled();
            notifyAll();
        }
        devicesListener.run();
    }

    /** Owner's thread: takes a ring's worth of faults at most; true if there may be more. */
    boolean deliverFaults(AttachedDevice device) {
        for (int taken = 0; taken < ControlPageDescriptor.FAULTS; taken++) {
            Fault fault = device.takeFault();
            if (fault == null) {
                return false;
            }
            synchronized (this) {
                faultsDelivered++;
            }
            try {
                faultConsumer.accept(fault);
            } catch (RuntimeException failure) {
                // A consumer's defect may not stop the owner's thread, on which every device
                // depends. Told once: a device that faults all the time shall not fill a disk.
                if (!consumerFailed) {
                    consumerFailed = true;
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "a fault consumer failed, which is told once: " + fault,
                            failure);
                }
            }
        }
        return true;
    }

    @Override
    public void close() {
        List<Dma> open;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            open = Arrays.stream(services).filter(Objects::nonNull).toList();
            notifyAll();
        }
        try {
            open.forEach(this::close);
        } finally {
            owner.forget(this);
            tableMapping.close();
            tableFile.close();
        }
    }

    private void close(Dma service) {
        try {
            service.close();
        } catch (DeviceStuckException stuck) {
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        }
    }
}
