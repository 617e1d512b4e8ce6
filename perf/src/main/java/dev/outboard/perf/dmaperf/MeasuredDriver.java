package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.cli.CommandException;
import dev.outboard.iommu.DeviceCounters;
import dev.outboard.perf.setup.IovaFile;
import dev.outboard.perf.setup.Processors;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The driver process: measures point after point, each with services of its own. The main thread
 * owns it and is the first mapping thread; every other mapping thread lives for one point.
 */
final class MeasuredDriver implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;
    private static final int MOST_FRAMES = 8192;
    private static final int TOUCH_ROUNDS = 200;
    private static final int BUSY_PAGES = 64;
    private static final long TOUCH_NANOS = TimeUnit.MILLISECONDS.toNanos(60);
    private static final long ATTACH_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long SEED = 20_07;

    private final Group group;
    private final StrategyOptions strategy;
    private final PhysicalMemory memory;

    /** Null without an IOMMU. */
    private final IommuDomain domain;

    private final IovaFile mailbox;
    private final DriverTimes times;

    /** Of each thread, for all points: what is mapped and unmapped. */
    private final List<DmaMemory> buffers = new ArrayList<>();

    /** What other mappings hold; null if no point is filled. */
    private final DmaMemory frames;

    private Translating translating = Translating.NONE;
    private boolean isWarm;

    MeasuredDriver(
            Group group,
            StrategyOptions strategy,
            PhysicalMemory memory,
            IommuDomain domain,
            IovaFile mailbox,
            DriverTimes times) {
        this.group = group;
        this.strategy = strategy;
        this.memory = memory;
        this.domain = domain;
        this.mailbox = mailbox;
        this.times = times;
        for (int thread = 0; thread < group.threads(); thread++) {
            buffers.add(memory.allocate((long) MOST_FRAMES * PAGE_BYTES));
        }
        frames =
                isFilling(group)
                        ? memory.allocate((long) fillFrames(domain.options()) * PAGE_BYTES)
                        : null;
    }

    private static boolean isFilling(Group group) {
        return group.points().stream().anyMatch(point -> point.fillPercent() > 0);
    }

    /** Memory that the points of a group need: buffers of every thread, and frames to fill with. */
    static long memoryBytes(Group group, DomainOptions options) {
        long buffers = (long) group.threads() * MOST_FRAMES * PAGE_BYTES;
        long filling = isFilling(group) ? (long) fillFrames(options) * PAGE_BYTES : 0;
        // Shadows for every buffer, which may take up half of all memory.
        long shadows = group.strategy() == Strategy.COPIED ? 2 * buffers : 0;
        return buffers + filling + shadows + (long) (BUSY_PAGES + 16) * PAGE_BYTES;
    }

    /** A frame for each page of IOVA, where the table is small enough for that. */
    private static int fillFrames(DomainOptions options) {
        return Math.min(options.tableEntries(), 64 * 1024);
    }

    /** One point: its figures. */
    Measured measure(Point point) {
        List<Dma> services = new ArrayList<>();
        try {
            for (int thread = 0; thread < group.threads(); thread++) {
                services.add(domain == null ? Dma.off(memory) : domain.dma(strategy));
            }
            return measure(point, services);
        } finally {
            services.forEach(Dma::close);
        }
    }

    private Measured measure(Point point, List<Dma> services) {
        if (domain == null) {
            return measure(point, services, null);
        }
        try (var orders = new DeviceOrders(services.getFirst(), mailbox)) {
            if (!domain.awaitAttached(ATTACH_NANOS)) {
                throw new CommandException("the device did not attach in time");
            }
            Processors.pinDriver(0);
            try {
                return measure(point, services, orders);
            } finally {
                orders.order(Order.MOVE, 0, 0);
            }
        }
    }

    private Measured measure(Point point, List<Dma> services, DeviceOrders orders) {
        int granule = group.format() == null ? 0 : group.format().granuleShift();
        long stride = (long) Math.max(point.pages(), 1 << granule) * PAGE_BYTES;
        List<Work> works = new ArrayList<>();
        try {
            for (int thread = 0; thread < services.size(); thread++) {
                works.add(
                        new Work(
                                services.get(thread),
                                buffers.get(thread),
                                frames,
                                point,
                                stride,
                                fillRuns(stride)));
            }
            return measure(works, services, orders);
        } finally {
            works.forEach(Work::close);
        }
    }

    private int fillRuns(long stride) {
        if (domain == null) {
            return 0;
        }
        return (int) (domain.options().tableEntries() / (stride / PAGE_BYTES));
    }

    private Measured measure(List<Work> works, List<Dma> services, DeviceOrders orders) {
        boolean isBusy = orders != null && times.isDeviceBusy();
        var busy = isBusy ? services.getFirst().allocateCoherent(BUSY_PAGES * PAGE_BYTES) : null;
        try {
            if (isBusy) {
                orders.list(0, busy.iova());
                orders.order(Order.BUSY, 1, BUSY_PAGES);
            }
            long flushes = -flushes(services);
            long maps = -maps(services);
            MappingThreads.run(works, isWarm ? times.warmUpNanos() : times.firstNanos(), times);
            isWarm = true;
            flushes += flushes(services);
            maps += maps(services);
            double missRate = orders == null ? Double.NaN : touch(works.getFirst(), orders);
            translate(services.getFirst(), works.getFirst(), orders);
            return Measured.of(
                    group, works, services, strategy, maps, flushes, missRate, translating);
        } finally {
            if (busy != null) {
                busy.close();
            }
        }
    }

    private static long flushes(List<Dma> services) {
        return services.stream().mapToLong(dma -> dma.statistics().flushes()).sum();
    }

    private static long maps(List<Dma> services) {
        return services.stream().mapToLong(dma -> dma.statistics().maps()).sum();
    }

    /** The device uses what is mapped, once and in order; the share of look-ups that missed. */
    private double touch(Work work, DeviceOrders orders) {
        var bursts = work.bursts();
        long start = System.nanoTime();
        DeviceCounters before = domain.statistics().counters();
        for (int round = 0;
                round < TOUCH_ROUNDS && System.nanoTime() - start < TOUCH_NANOS;
                round++) {
            bursts.mapEach();
            for (int index = 0; index < bursts.count(); index++) {
                orders.list(index, bursts.iova(index));
            }
            long refused = orders.order(Order.TOUCH, bursts.count(), work.point().pages());
            bursts.unmapEach();
            if (refused > 0) {
                throw new CommandException(
                        "the device was refused pages=" + refused + " that were mapped");
            }
        }
        DeviceCounters after = domain.statistics().counters();
        long looked = after.hits() + after.misses() - before.hits() - before.misses();
        return looked == 0 ? Double.NaN : (double) (after.misses() - before.misses()) / looked;
    }

    /** Once, where mapping a long run is the strategy's plain way: translation knows none. */
    private void translate(Dma dma, Work work, DeviceOrders orders) {
        boolean isPlain =
                strategy.strategy() == Strategy.STRICT || strategy.strategy() == Strategy.DEFERRED;
        if (orders == null || translating != Translating.NONE || !isPlain || work.isFilled()) {
            return;
        }
        int pages = 4 * domain.options().iotlb().entries();
        var list = new ScatterGatherList(pages);
        for (int index = 0; index < pages; index++) {
            // Every other frame: no superpage may stand for several.
            list.add(work.physicalAddress() + 2L * index * PAGE_BYTES, PAGE_BYTES);
        }
        if (!dma.map(list, DmaDirection.TO_DEVICE)) {
            return;
        }
        orders.list(0, list.iova(0));
        orders.order(Order.TRANSLATE, 1, pages);
        translating =
                new Translating(
                        orders.nanos(MailboxDescriptor.HIT_OFFSET),
                        orders.nanos(MailboxDescriptor.MISS_OFFSET),
                        orders.nanos(MailboxDescriptor.SECTION_OFFSET));
        dma.unmap(list);
    }

    /**
     * What a translation costs the device, in nanoseconds.
     *
     * @param sectionNanos to leave a DMA section and enter the next
     */
    record Translating(double hitNanos, double missNanos, double sectionNanos) {
        static final Translating NONE = new Translating(Double.NaN, Double.NaN, Double.NaN);
    }

    /** Gives the memory back; every service is closed. */
    @Override
    public void close() {
        buffers.forEach(DmaMemory::close);
        if (frames != null) {
            frames.close();
        }
    }
}
