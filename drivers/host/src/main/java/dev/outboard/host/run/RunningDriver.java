package dev.outboard.host.run;

import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.MemoryInUseException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Unplug;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.control.Subject;
import dev.outboard.host.event.Event;
import dev.outboard.host.pcap.FrameCapture;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A driver as its control socket shows it: what its present life has, and what all of them counted.
 * Any thread.
 */
final class RunningDriver implements Subject {
    private static final double NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long MOST_WAIT_MILLIS = TimeUnit.SECONDS.toMillis(60);
    private static final String PLUG = "plug";
    private static final String UNPLUG = "unplug";

    private final HostPlan plan;
    private final FaultLog faults;
    private final long startNanos = System.nanoTime();

    /** Null between two lives, while a device is away. */
    private volatile Life life;

    /** Null before it is opened, and when it has been closed. */
    private volatile HostedDevice device;

    /** Null before the driver has started, and when it is about to be closed. */
    private volatile Service service;

    /** The latest; null before the first. */
    private volatile FrameCapture capture;

    // Written by the one thread that changes memory.
    private volatile long plugs;
    private volatile long unplugs;
    private volatile long refused;

    /** What a driver has from its start to its end. */
    private record Life(
            PhysicalMemory memory, MemoryTides tides, DmaServices dma, IommuDomain domain) {}

    RunningDriver(HostPlan plan, FaultLog faults) {
        this.plan = plan;
        this.faults = faults;
    }

    /**
     * The driver is about to start with this; the domain is null without an IOMMU.
     *
     * @return what tells its client of memory that comes and goes
     */
    MemoryTides begin(PhysicalMemory memory, DmaServices dma, IommuDomain domain) {
        var tides = new MemoryTides(memory);
        memory.addListener(tides);
        life = new Life(memory, tides, dma, domain);
        return tides;
    }

    /** The driver's device is there. */
    void opened(HostedDevice opened) {
        device = opened;
    }

    /** The driver runs. */
    void started(Service running) {
        service = running;
    }

    @Override
    public FrameCapture capture(int snapBytes) {
        var present = life;
        var running = service;
        if (present == null || running == null) {
            throw new IllegalStateException(
                    "the device of " + plan.device().deviceName() + " is away: try again later");
        }
        if (!(running instanceof NetworkService network)) {
            throw new IllegalArgumentException(
                    "driver %s has no frames to capture: it is no network driver"
                            .formatted(plan.driver().name()));
        }
        var begun = FrameCapture.begin(network, present.memory, snapBytes);
        capture = begun;
        if (life != present) {
            begun.end();
        }
        return begun;
    }

    /** The driver has ended, and what it had is about to be closed. */
    void end() {
        var last = life;
        life = null;
        device = null;
        service = null;
        var captured = capture;
        if (captured != null) {
            captured.end();
        }
        if (last != null) {
            last.tides.end();
            last.memory.removeListener(last.tides);
        }
    }

    @Override
    public Event status() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("kind", "driver");
        fields.put("name", plan.device().deviceName());
        fields.put("pid", ProcessHandle.current().pid());
        fields.put("driver", plan.driver().name());
        fields.put("device", plan.device().toString());
        fields.put("client", plan.client() == null ? null : plan.client().name());
        fields.put("strategy", plan.protection().strategyWord());
        fields.put("owner", Words.of(plan.protection().owner()));
        fields.put("seconds", (System.nanoTime() - startNanos) / NANOS);
        fields.put("faults", faults.count());
        var present = life;
        fields.put("state", present == null ? "away" : "running");
        if (present != null) {
            fields.put("memory", MemoryFields.of(present.memory));
            fields.put("plugs", plugs);
            fields.put("unplugs", unplugs);
            fields.put("unplugsRefused", refused);
            fields.put("dma", RunReport.fields(present.dma.statistics()));
            var iotlb = iotlb(present.domain);
            if (iotlb != null) {
                fields.put("iotlb", iotlb);
            }
            var pool = pool(device);
            if (pool != null) {
                fields.put("pool", pool);
            }
        }
        var captured = capture;
        if (captured != null) {
            fields.put(
                    "capture", Map.of("frames", captured.frames(), "dropped", captured.dropped()));
        }
        return new Event(STATUS, fields);
    }

    /** Null where nobody has asked for pages. */
    private static Map<String, Object> pool(HostedDevice device) {
        var pool = device == null ? null : device.poolStatistics();
        if (pool == null) {
            return null;
        }
        var fields = new LinkedHashMap<String, Object>();
        fields.put("level", pool.level());
        fields.put("lowMark", pool.marks().low());
        fields.put("highMark", pool.marks().high());
        fields.put("pages", pool.pages());
        fields.put("taken", pool.taken());
        fields.put("refusals", pool.refusals());
        fields.put("slowDowns", pool.slowDowns());
        fields.put("starvations", pool.starvations());
        return fields;
    }

    /** Null without an IOMMU, and while its owner is not there to be asked. */
    private static Map<String, Object> iotlb(IommuDomain domain) {
        if (domain == null) {
            return null;
        }
        try {
            return RunReport.fields(domain.statistics().counters());
        } catch (RuntimeException gone) {
            return null;
        }
    }

    @Override
    public Event change(Event order) {
        var present = life;
        if (present == null) {
            throw new IllegalStateException(
                    "the device of " + plan.device().deviceName() + " is away: try again later");
        }
        return switch (order.name()) {
            case PLUG -> plug(present, order);
            case UNPLUG -> unplug(present, order);
            default ->
                    throw new IllegalArgumentException(
                            "'" + order.name() + "' is no order: take plug or unplug");
        };
    }

    private Event plug(Life present, Event order) {
        var kind =
                order.has("pages")
                        ? Words.constant(PageKind.class, order.text("pages"), "kind of pages")
                        : PageKind.AUTO;
        long start = System.nanoTime();
        var segment = present.memory.plug(order.number("lengthBytes"), kind);
        plugs = plugs + 1;
        return Event.of(
                "plugged",
                "address",
                MemoryFields.address(segment.physicalAddress()),
                "lengthBytes",
                segment.lengthBytes(),
                "pages",
                Words.of(segment.pages()),
                "nanos",
                System.nanoTime() - start);
    }

    private Event unplug(Life present, Event order) {
        long address = address(order.text("address"));
        long length =
                order.has("lengthBytes")
                        ? order.number("lengthBytes")
                        : wholeLength(present.memory, address);
        boolean force = order.has("force") && order.flag("force");
        long waitMillis = order.has("waitMillis") ? order.number("waitMillis") : 0;
        if (waitMillis < 0 || waitMillis > MOST_WAIT_MILLIS) {
            throw new IllegalArgumentException(
                    "waitMillis=%d is not 0 to %d".formatted(waitMillis, MOST_WAIT_MILLIS));
        }
        long start = System.nanoTime();
        if (force) {
            present.tides.force();
        }
        present.tides.waitFor(TimeUnit.MILLISECONDS.toNanos(waitMillis));
        try {
            present.memory.unplug(address, length, force ? Unplug.FORCE : Unplug.REFUSE);
        } catch (MemoryInUseException inUse) {
            refused = refused + 1;
            throw inUse;
        }
        unplugs = unplugs + 1;
        return Event.of(
                "unplugged",
                "address",
                MemoryFields.address(address),
                "lengthBytes",
                length,
                "nanos",
                System.nanoTime() - start);
    }

    private static long address(String text) {
        try {
            return Long.decode(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no address: write it as 'list' does, 0x140000000", e);
        }
    }

    private static long wholeLength(PhysicalMemory memory, long physicalAddress) {
        for (var segment : memory.segments()) {
            if (segment.physicalAddress() == physicalAddress) {
                return segment.lengthBytes();
            }
        }
        throw new IllegalArgumentException(
                "no segment begins at %s: write ADDRESS+SIZE for a part of one"
                        .formatted(MemoryFields.address(physicalAddress)));
    }
}
