package dev.outboard.host.run;

import dev.outboard.dma.Dma;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.host.control.Subject;
import dev.outboard.host.event.Event;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A driver as its control socket shows it: what its present life has, and what all of them counted.
 * Any thread.
 */
final class RunningDriver implements Subject {
    private static final double NANOS = TimeUnit.SECONDS.toNanos(1);

    private final HostPlan plan;
    private final FaultLog faults;
    private final long startNanos = System.nanoTime();

    /** Null between two lives, while a device is away. */
    private volatile Life life;

    /** What a driver has from its start to its end. */
    private record Life(PhysicalMemory memory, Dma dma, IommuDomain domain) {}

    RunningDriver(HostPlan plan, FaultLog faults) {
        this.plan = plan;
        this.faults = faults;
    }

    /** The driver is about to start with this; the domain is null without an IOMMU. */
    void begin(PhysicalMemory memory, Dma dma, IommuDomain domain) {
        life = new Life(memory, dma, domain);
    }

    /** The driver has ended, and what it had is about to be closed. */
    void end() {
        life = null;
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
            fields.put("dma", RunReport.fields(present.dma.statistics()));
            var iotlb = iotlb(present.domain);
            if (iotlb != null) {
                fields.put("iotlb", iotlb);
            }
        }
        return new Event(STATUS, fields);
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
        throw new IllegalArgumentException("there is no order '" + order.name() + "'");
    }
}
