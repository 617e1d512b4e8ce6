package dev.outboard.host.run;

import dev.outboard.dma.DomainOptions;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.UsageException;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The options of {@code outboard run}, as they were written. */
final class RunOptions {
    private static final long LEAST_MEMORY_BYTES = 1L << 20;
    private static final int MOST_ENTRIES = 32_768;
    private static final int MOST_QUEUES = 128;

    @Parameters(
            paramLabel = "DRIVER",
            description =
                    "The driver: its name, its JPMS module, or net or block for the one that fits"
                            + " the device.")
    private String driver;

    @Option(
            names = "--device",
            required = true,
            paramLabel = "ADDRESS",
            description = "The device, as SCHEME:PLACE; a wrong one lists what there is.")
    private String device;

    @Option(
            names = "--module-path",
            split = ":",
            paramLabel = "DIR",
            description = "Folders or jars with more modules: drivers, clients.")
    private List<Path> modulePath = List.of();

    @Mixin private ProtectionOptions protection;

    @Option(
            names = "--memory",
            defaultValue = "64M",
            paramLabel = "SIZE",
            description = "Physical memory for the driver. Default: ${DEFAULT-VALUE}.")
    private String memory;

    @Option(
            names = "--queue-size",
            defaultValue = "256",
            paramLabel = "N",
            description = "Entries of a queue, a power of two. Default: ${DEFAULT-VALUE}.")
    private int queueSize;

    @Option(
            names = "--ring",
            defaultValue = "auto",
            paramLabel = "KIND",
            description =
                    "Rings of a virtio device: split, packed, or auto, which is packed where the"
                            + " device has them and does not ask for translations (--iommu device)."
                            + " Default: ${DEFAULT-VALUE}.")
    private String ring;

    @Option(
            names = "--queues",
            defaultValue = "1",
            paramLabel = "N",
            description =
                    "The most queues, or pairs of queues, that the driver uses where it can use"
                            + " several. Default: ${DEFAULT-VALUE}.")
    private int queues;

    @Option(
            names = "--spin-us",
            paramLabel = "N",
            description = "How long to look for work before sleeping, in microseconds.")
    private Long spinMicros;

    @Option(
            names = "--poll",
            description =
                    "Look for work and never sleep: a processor for each queue, and no interrupts"
                            + " where the device can do without.")
    private boolean poll;

    @Option(names = "--pause", description = "Use the processor's pause instruction to spin.")
    private boolean pause;

    @Option(
            names = "--dma-debug",
            description =
                    "Look for mistakes in the driver's use of DMA: mappings left, unmapped twice or"
                            + " wrongly, not synced, used after unmapping. The run is slow, and"
                            + " fails if there is one.")
    private boolean dmaDebug;

    @Mixin private WayOutOptions wayOut;

    /**
     * Finds and checks everything that can be checked without the device.
     *
     * @throws UsageException when something was asked wrongly
     */
    HostPlan plan() {
        try {
            var modules = Modules.of(modulePath);
            var memoryBytes = memoryBytes();
            var address = DeviceAddress.parse(device);
            var shield = protection.protection(memoryBytes, address);
            return new HostPlan(
                    modules.driver(driver, address),
                    address,
                    shield,
                    memoryBytes,
                    protection.pages(),
                    queueEntries(),
                    RingChoice.parse(ring),
                    queues(shield.isOff()),
                    waiting(),
                    wayOut.client(modules),
                    wayOut.clientOptions(),
                    dmaDebug);
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    private long memoryBytes() {
        var bytes = Sizes.parse(memory);
        if (bytes < LEAST_MEMORY_BYTES) {
            throw new UsageException("--memory " + memory + " is less than 1M");
        }
        return bytes;
    }

    private int queueEntries() {
        if (Integer.bitCount(queueSize) != 1 || queueSize < 2 || queueSize > MOST_ENTRIES) {
            throw new UsageException(
                    "--queue-size "
                            + queueSize
                            + " is not a power of two from 2 to "
                            + MOST_ENTRIES);
        }
        return queueSize;
    }

    private int queues(boolean isOff) {
        var most = isOff ? MOST_QUEUES : DomainOptions.MAX_SERVICES;
        if (queues < 1 || queues > most) {
            throw new UsageException(
                    "--queues %d is not 1 to %d%s"
                            .formatted(
                                    queues,
                                    most,
                                    isOff ? "" : ", which is as many as map memory at once"));
        }
        return queues;
    }

    private WaitPolicy waiting() {
        if (spinMicros != null && spinMicros < 0) {
            throw new UsageException("--spin-us " + spinMicros + " is less than 0");
        }
        if (poll) {
            if (spinMicros != null) {
                throw new UsageException("--poll spins for ever: leave out --spin-us");
            }
            return new WaitPolicy(WaitPolicy.SPIN.spinNanos(), pause);
        }
        return new WaitPolicy(
                spinMicros == null
                        ? WaitPolicy.DEFAULT.spinNanos()
                        : TimeUnit.MICROSECONDS.toNanos(spinMicros),
                pause);
    }
}
