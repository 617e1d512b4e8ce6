package dev.outboard.host.device;

import dev.outboard.dma.AskedStatistics;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.models.NicPortOptions;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.ProcessControl;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** What all device models are asked, and how their names come about. */
final class ModelOptions {
    @Option(
            names = "--spin-us",
            paramLabel = "N",
            description = "How long to look for work before sleeping, in microseconds.")
    private Long spinMicros;

    @Option(names = "--pause", description = "Use the processor's pause instruction to spin.")
    private boolean pause;

    @Option(
            names = "--cpu",
            paramLabel = "N",
            description = "The processor that the device's thread keeps to. Default: any.")
    private Integer cpu;

    @Option(names = "--json", description = "Print events for machines, one JSON object a line.")
    private boolean json;

    /** Keeps the calling thread, which is to be the device's, to its processor. */
    void pin() {
        if (cpu == null) {
            return;
        }
        try {
            ProcessControl.pinThread(cpu);
        } catch (NativeException | IllegalArgumentException refused) {
            throw new UsageException(
                    "--cpu %d: there is no such processor for this process: %s"
                            .formatted(cpu, refused.getMessage()));
        }
    }

    EventOutput output() {
        return EventOutput.standard(json);
    }

    WaitPolicy waiting() {
        if (spinMicros != null && spinMicros < 0) {
            throw new UsageException("--spin-us " + spinMicros + " is less than 0");
        }
        return new WaitPolicy(
                spinMicros == null
                        ? WaitPolicy.DEFAULT.spinNanos()
                        : TimeUnit.MICROSECONDS.toNanos(spinMicros),
                pause);
    }

    /**
     * Reads a port. Unless it is given a name it has the one that {@code outboard run} claims for
     * its socket: both must say the same.
     *
     * @throws IllegalArgumentException when it is none; the message says why
     */
    static NicPortOptions port(String text) {
        var port = NicPortOptions.parse(text);
        var known = DeviceAddress.parse("vhost-user:" + port.socket()).deviceName();
        var wasNamed = !port.name().equals(port.socket().getFileName().toString());
        return wasNamed ? port : port.withName(known);
    }

    /** What a driver was asked, for machines. */
    static Map<String, Object> fields(AskedStatistics asked) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("hits", asked.hits());
        fields.put("misses", asked.misses());
        fields.put("updates", asked.updates());
        fields.put("invalidations", asked.invalidations());
        fields.put("evictions", asked.evictions());
        fields.put("faults", asked.faults());
        fields.put("late", asked.late());
        return fields;
    }

    /** The same for people; nothing where no driver was told any translation. */
    static String text(AskedStatistics asked) {
        return asked.misses() + asked.updates() == 0
                ? ""
                : "; IOTLB: %d hits, %d misses, %d updates, %d invalidations, %d evictions"
                        .formatted(
                                asked.hits(),
                                asked.misses(),
                                asked.updates(),
                                asked.invalidations(),
                                asked.evictions());
    }

    /** How a port's IOMMU is told to people and machines. */
    static String iommuOf(Path owner) {
        return owner == null ? "none" : "unix:" + owner;
    }

    /** A device with one socket is there, for machines. */
    static Event ready(String name, Path socket, Path iommu) {
        return Event.of(
                Event.READY,
                "device",
                name,
                "pid",
                ProcessHandle.current().pid(),
                "socket",
                socket,
                "iommu",
                iommuOf(iommu));
    }
}
