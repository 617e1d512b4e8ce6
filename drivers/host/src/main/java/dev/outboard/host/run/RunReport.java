package dev.outboard.host.run;

import dev.outboard.dma.DmaDebug;
import dev.outboard.dma.DmaStatistics;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Notice;
import dev.outboard.host.control.ControlServer;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.iommu.DeviceCounters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What {@code outboard run} says: that it is up, that the device is gone, and what came out. */
final class RunReport {
    private static final double NANOS = TimeUnit.SECONDS.toNanos(1);
    private final HostPlan plan;
    private final EventOutput output;
    private final ControlServer control;
    private final long startNanos = System.nanoTime();
    private Map<String, Object> client = Map.of();
    private Map<String, Object> left = Map.of();
    private DmaStatistics dma;
    private DomainStatistics domain;
    private DmaDebug debug;
    private boolean up;

    /**
     * @param control where it can be looked at from outside; who hears that it is ready finds it
     */
    RunReport(HostPlan plan, EventOutput output, ControlServer control) {
        this.plan = plan;
        this.output = output;
        this.control = control;
    }

    /** The driver has started. */
    void up(String service) {
        up = true;
        output.say(
                "%s drives %s; %s".formatted(plan.driver().name(), describe(service), protection()),
                Event.of("up", "service", service, "device", plan.device().deviceName()));
    }

    private String protection() {
        return plan.protection().describe(plan.memoryBytes(), plan.device().keeper());
    }

    /** Whether the driver had started. */
    boolean wasUp() {
        return up;
    }

    private String describe(String service) {
        return plan.device().deviceName() + " (" + plan.device() + "): " + service;
    }

    /** The driver can be used, or its client can. Machines only: people were told. */
    void ready() {
        control.awaitListening();
        // What starting left is collected before the work begins: data paths allocate nothing, so
        // that a young generation lasts for long.
        System.gc();
        var fields = new LinkedHashMap<String, Object>();
        fields.put("device", plan.device().deviceName());
        fields.put("driver", plan.driver().name());
        fields.put("strategy", plan.protection().strategyWord());
        fields.put("pid", ProcessHandle.current().pid());
        control.describe(fields);
        output.say(new Event(Event.READY, fields));
    }

    /** The device says something of itself. Any thread. */
    void notice(Notice notice) {
        output.say(
                "%s: %s: %s".formatted(plan.device().deviceName(), notice.kind(), notice.text()),
                Event.of(
                        Event.NOTICE,
                        "device",
                        plan.device().deviceName(),
                        "kind",
                        notice.kind(),
                        "text",
                        notice.text()));
    }

    /** How far the client is. Any thread. */
    void progress(String text, Map<String, Object> fields) {
        output.say(text, new Event(Event.PROGRESS, fields));
    }

    /** The device went away. Machines only: people get the failure's line. */
    void lost() {
        output.say(Event.of(Event.LOST, "device", plan.device().deviceName()));
    }

    /** The owner of the IOMMU went away, and all mappings with it. Machines only, likewise. */
    void ownerLost() {
        output.say(Event.of(Event.LOST, "owner", Words.of(plan.protection().owner())));
    }

    /** Whether the client looked at its data and found it wrong. */
    boolean isRefuted() {
        return Boolean.FALSE.equals(client.get(ClientContext.VERIFIED));
    }

    /** What the client found out; it has ended, well or not. */
    void clientResults(Map<String, Object> results) {
        client = results;
    }

    /** The counters, after the driver has closed. */
    void measured(DmaStatistics dmaStatistics, DomainStatistics domainStatistics) {
        dma = dmaStatistics;
        domain = domainStatistics;
    }

    /**
     * What is still allocated and mapped when the driver, its client and its mapping service have
     * closed, and memory is about to be.
     */
    void left(PhysicalMemory memory) {
        var last = memory.report();
        left = Map.of("frames", last.allocatedFrames(), "mappedFrames", last.mappedFrames());
    }

    /** What was found by looking for mistakes; everything is closed. */
    void mistakes(DmaDebug found) {
        debug = found;
    }

    /** How many mistakes were found in the use of DMA; 0 too if nobody looked. */
    long mistakes() {
        return debug == null ? 0 : debug.findings();
    }

    /** The figures at the end. */
    void result(long faults) {
        result(faults, false);
    }

    private void result(long faults, boolean lost) {
        var cpu = CpuTime.now();
        var seconds = (System.nanoTime() - startNanos) / NANOS;
        if (output.isForMachines()) {
            output.say(resultEvent(faults, lost, cpu, seconds));
            return;
        }
        client.forEach((name, value) -> output.text(name + ": " + value));
        output.text(
                "%s: %d faults, %.1f s, CPU %.2f s user and %.2f s system"
                        .formatted(
                                plan.device().deviceName(),
                                faults,
                                seconds,
                                cpu.userNanos() / NANOS,
                                cpu.systemNanos() / NANOS));
        if (dma != null && !plan.protection().isOff()) {
            output.text(protectionText());
        }
        if (debug != null) {
            output.text("dma-debug: " + debug.findings() + " mistakes");
            debug.lines().forEach(line -> output.text("  " + line));
        }
    }

    /** The figures of a driver whose device, or IOMMU, went away. Machines only. */
    void resultOfLost(long faults) {
        if (output.isForMachines()) {
            result(faults, true);
        }
    }

    private String protectionText() {
        return ("strategy %s, owner %s: %d maps, %d unmaps, %d flushes; stale IOVAs at most %d for"
                        + " %.1f ms (stated: %s); %s")
                .formatted(
                        plan.protection().strategyWord(),
                        Words.of(plan.protection().owner()),
                        dma.maps(),
                        dma.unmaps(),
                        dma.flushes(),
                        dma.windowEntries(),
                        dma.windowNanos() / 1e6,
                        plan.protection().statedWindow(),
                        iotlbText());
    }

    /** Of a device's own IOTLB we see what it asks, not what it finds. */
    private String iotlbText() {
        var counters = domain.counters();
        if (plan.protection().owner() == Owner.DEVICE) {
            return "the device asked for " + counters.misses() + " translations";
        }
        return "IOTLB %.2f %% hits of %d"
                .formatted(
                        100.0 * counters.hits() / Math.max(1, counters.translations()),
                        counters.translations());
    }

    private Event resultEvent(long faults, boolean lost, CpuTime cpu, double seconds) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("device", plan.device().deviceName());
        fields.put("driver", plan.driver().name());
        fields.put("strategy", plan.protection().strategyWord());
        fields.put(
                "iommu",
                plan.protection().isOff() ? "none" : plan.protection().domain().format().title());
        fields.put("owner", Words.of(plan.protection().owner()));
        fields.put("seconds", seconds);
        fields.put("cpuUserNanos", cpu.userNanos());
        fields.put("cpuSystemNanos", cpu.systemNanos());
        fields.put("lost", lost);
        fields.put("faults", faults);
        if (dma != null) {
            fields.put("dma", fields(dma, plan.protection().strategy()));
        }
        if (domain != null) {
            fields.put("iotlb", fields(domain.counters()));
        }
        if (!left.isEmpty()) {
            fields.put("left", left);
        }
        if (debug != null) {
            fields.put("mistakes", fields(debug));
        }
        fields.put("client", client);
        return new Event(Event.RESULT, fields);
    }

    /** A window without a stated bound has no field for it. */
    private static Map<String, Object> fields(DmaStatistics dma, StrategyOptions stated) {
        var fields = fields(dma);
        if (stated.statedWindowEntries() != Long.MAX_VALUE) {
            fields.put("statedWindowEntries", stated.statedWindowEntries());
        }
        if (stated.statedWindowNanos() != Long.MAX_VALUE) {
            fields.put("statedWindowNanos", stated.statedWindowNanos());
        }
        return fields;
    }

    /** What a mapping service has done, for machines. */
    static Map<String, Object> fields(DmaStatistics dma) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("maps", dma.maps());
        fields.put("unmaps", dma.unmaps());
        fields.put("flushes", dma.flushes());
        fields.put("flushNanos", dma.flushNanos());
        fields.put("liveMappings", dma.liveMappings());
        fields.put("livePages", dma.livePages());
        fields.put("staleEntries", dma.staleEntries());
        fields.put("windowEntries", dma.windowEntries());
        fields.put("windowNanos", dma.windowNanos());
        return fields;
    }

    private static Map<String, Object> fields(DmaDebug debug) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("found", debug.findings());
        debug.counts().forEach((mistake, count) -> fields.put(Words.of(mistake), count));
        fields.put("lines", debug.lines());
        return fields;
    }

    /** What an IOTLB has counted, for machines. */
    static Map<String, Object> fields(DeviceCounters iotlb) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("translations", iotlb.translations());
        fields.put("hits", iotlb.hits());
        fields.put("misses", iotlb.misses());
        fields.put("evictions", iotlb.evictions());
        fields.put("invalidations", iotlb.invalidations());
        fields.put("flushes", iotlb.flushes());
        fields.put("domainFlushes", iotlb.domainFlushes());
        fields.put("superpageHits", iotlb.superpageHits());
        fields.put("prefetches", iotlb.prefetches());
        fields.put("prefetchesUsed", iotlb.prefetchesUsed());
        fields.put("atsHits", iotlb.atsHits());
        fields.put("atsMisses", iotlb.atsMisses());
        fields.put("atsInvalidations", iotlb.atsInvalidations());
        fields.put("sections", iotlb.sections());
        fields.put("faults", iotlb.faults());
        fields.put("faultsLost", iotlb.faultsLost());
        return fields;
    }
}
