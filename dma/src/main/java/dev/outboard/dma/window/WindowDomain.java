package dev.outboard.dma.window;

import dev.outboard.dma.DevicePresence;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainServices;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.FaultDelivery;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.dma.Translations;
import dev.outboard.iommu.DeviceCounters;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IoPage;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * The I/O address space of one device whose windows somebody else keeps. What is mapped before the
 * device is there is told when it comes.
 *
 * <p>Owned by who claimed it. Any thread, but for its mapping services, which have one each.
 */
public final class WindowDomain implements IommuDomain {
    /** Windows that only what a driver cannot do without may take. */
    private static final int RESERVED = 16;

    private static final int ACCESS_SHIFT = 62;
    private static final long FRAME_MASK = (1L << ACCESS_SHIFT) - 1;

    private final WindowDomains domains;
    private final String name;
    private final PhysicalMemory memory;
    private final DomainOptions options;
    private final ReservedRange.Run usable;
    private final DomainServices services;
    private final DevicePresence presence = new DevicePresence();
    private final FaultDelivery faults = new FaultDelivery();
    private final AtomicLong maps = new AtomicLong();
    private final AtomicLong unmaps = new AtomicLong();

    /** Of the first page of each window: its pages; else 0. Guarded by this. */
    private final int[] lengths;

    /** Of the same page: its page frame, and above it its rights. Guarded by this. */
    private final long[] frames;

    private int count;
    private DmaWindows windows;

    WindowDomain(
            WindowDomains domains,
            String name,
            PhysicalMemory memory,
            DomainOptions options,
            List<ReservedRange> reserved) {
        this.domains = domains;
        this.name = name;
        this.memory = memory;
        this.options = options;
        lengths = new int[options.tableEntries()];
        frames = new long[options.tableEntries()];
        usable =
                ReservedRange.longest(
                        reserved, 1, options.tableEntries() - options.format().reservedLastPages());
        services = new DomainServices(name, memory, options, usable.first(), usable.end());
    }

    /**
     * The device is there: what is mapped already is told now, what is mapped later at once.
     *
     * @throws IllegalStateException if it is there already
     */
    public void attach(DmaWindows keeper) {
        synchronized (this) {
            if (windows != null) {
                throw new IllegalStateException("domain=" + name + " has its device already");
            }
            for (int page = 0; page < lengths.length; page++) {
                if (lengths[page] > 0) {
                    tell(keeper, page);
                }
            }
            windows = keeper;
        }
        presence.set(1);
    }

    /** The device is gone, and its windows with it. */
    public void detach() {
        synchronized (this) {
            windows = null;
        }
        presence.set(0);
    }

    private void tell(DmaWindows keeper, int page) {
        long frame = frames[page] & FRAME_MASK;
        PhysicalSegment segment = segment(frame);
        keeper.map(
                (long) page << IoPage.SHIFT,
                segment,
                (frame << IoPage.SHIFT) - segment.physicalAddress(),
                (long) lengths[page] << IoPage.SHIFT,
                (int) (frames[page] >>> ACCESS_SHIFT));
    }

    private PhysicalSegment segment(long frame) {
        long address = frame << IoPage.SHIFT;
        List<PhysicalSegment> all = memory.segments();
        for (int index = 0; index < all.size(); index++) {
            PhysicalSegment segment = all.get(index);
            long offset = address - segment.physicalAddress();
            if (offset >= 0 && offset < segment.lengthBytes()) {
                return segment;
            }
        }
        throw new IllegalArgumentException("no memory at 0x%x".formatted(address));
    }

    long pages() {
        return lengths.length;
    }

    synchronized void map(long page, long frame, int pages, int access, boolean isEssential) {
        int limit = windows == null ? Integer.MAX_VALUE : windows.limit();
        if (count >= (isEssential ? limit : limit - RESERVED)) {
            throw new QuotaExceededException(
                    "domain=%s has %d windows, of %d that its keeper allows: unmap some, or take a"
                                    .formatted(name, count, limit)
                            + " strategy that maps more at a time");
        }
        int first = Math.toIntExact(page);
        lengths[first] = pages;
        frames[first] = frame | (long) access << ACCESS_SHIFT;
        if (windows != null) {
            try {
                tell(windows, first);
            } catch (RuntimeException failure) {
                lengths[first] = 0;
                throw failure;
            }
        }
        count++;
        maps.incrementAndGet();
    }

    /** Unmaps the window that begins at a page; its pages, at least one. */
    synchronized int unmap(long page) {
        int first = Math.toIntExact(page);
        int pages = lengths[first];
        if (pages == 0) {
            return 1;
        }
        lengths[first] = 0;
        count--;
        unmaps.incrementAndGet();
        if (windows != null) {
            windows.unmap(page << IoPage.SHIFT, (long) pages << IoPage.SHIFT);
        }
        return pages;
    }

    /** The page frame at a page, or {@link Translations#NO_FRAME}. */
    synchronized long frame(long page) {
        for (int first = (int) page; first >= 0; first--) {
            if (lengths[first] > 0) {
                long offset = page - first;
                return offset < lengths[first]
                        ? (frames[first] & FRAME_MASK) + offset
                        : Translations.NO_FRAME;
            }
        }
        return Translations.NO_FRAME;
    }

    /** The first IOVA that a window may have. */
    public long firstIova() {
        return (long) usable.first() << IoPage.SHIFT;
    }

    /** Behind the last. */
    public long endIova() {
        return (long) usable.end() << IoPage.SHIFT;
    }

    /** Whether there is a window at an IOVA, now. */
    public boolean isMapped(long iova) {
        long page = iova >>> IoPage.SHIFT;
        return page < lengths.length && frame(page) != Translations.NO_FRAME;
    }

    /** Windows at this moment. */
    public synchronized int windows() {
        return count;
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
     * Not possible: the windows are of one device.
     *
     * @throws IllegalStateException always
     */
    @Override
    public void admit(String deviceName) {
        throw new IllegalStateException(
                "device=%s cannot share the windows of device=%s: claim a domain for it"
                        .formatted(deviceName, name));
    }

    @Override
    public Dma dma(StrategyOptions strategy) {
        return services.open(
                strategy, (iovas, onClose) -> new WindowTranslations(this, iovas, onClose));
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

    /** A fault that the keeper of the windows has told of. */
    public void fault(long iova, int access, FaultReason reason) {
        faults.deliver(new Fault(name, iova, access, reason));
    }

    /** What can be seen from here: look-ups are the keeper's own business, and count as 0. */
    @Override
    public DomainStatistics statistics() {
        long told = faults.delivered();
        return new DomainStatistics(
                presence.count(),
                new DeviceCounters(0, 0, 0, 0, unmaps.get(), 0, 0, 0, 0, 0, 0, 0, 0, 0, told, 0, 0),
                told,
                0);
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
