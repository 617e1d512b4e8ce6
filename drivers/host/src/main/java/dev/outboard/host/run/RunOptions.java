package dev.outboard.host.run;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.cli.UsageException;
import dev.outboard.iommu.TableFormat;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The options of {@code outboard run}, as they were written. */
final class RunOptions {
    private static final String UNIX = "unix:";
    private static final long LEAST_MEMORY_BYTES = 1L << 20;
    private static final int MOST_ENTRIES = 32_768;

    @Parameters(paramLabel = "DRIVER", description = "The driver: its name, or its JPMS module.")
    private String driver;

    @Option(
            names = "--device",
            required = true,
            paramLabel = "ADDRESS",
            description = "The device, as vhost-user:PATH.")
    private String device;

    @Option(
            names = "--module-path",
            split = ":",
            paramLabel = "DIR",
            description = "Folders or jars with more modules: drivers, clients.")
    private List<Path> modulePath = List.of();

    @Option(
            names = "--strategy",
            defaultValue = "off",
            paramLabel = "off|strict|deferred",
            description = "How DMA is protected. Default: ${DEFAULT-VALUE}.")
    private Strategy strategy;

    @Option(
            names = "--iommu",
            paramLabel = "unix:PATH",
            description =
                    "Where the device attaches to the IOMMU; needed unless the strategy is off.")
    private String iommu;

    @Option(
            names = "--format",
            defaultValue = "calgary",
            paramLabel = "calgary|dart",
            description = "The translation table's format. Default: ${DEFAULT-VALUE}.")
    private String format;

    @Option(
            names = "--table-entries",
            paramLabel = "N",
            description = "Entries of the table, each for 4 KiB of IOVA. Default: 262144.")
    private Integer tableEntries;

    @Option(
            names = "--iotlb",
            paramLabel = "SETSxWAYS:POLICY",
            description = "The device's IOTLB; POLICY is lru, fifo or random. Default: 64x4:lru.")
    private String iotlb;

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
            names = "--spin-us",
            paramLabel = "N",
            description = "How long to look for work before sleeping, in microseconds.")
    private Long spinMicros;

    @Option(names = "--pause", description = "Use the processor's pause instruction to spin.")
    private boolean pause;

    @Option(
            names = "--client",
            paramLabel = "NAME",
            description = "Run this client on the driver; without one it idles until stopped.")
    private String client;

    @Option(
            names = "-o",
            paramLabel = "KEY=VALUE",
            description = "An option of the client; may be repeated.")
    private Map<String, String> clientOptions = new LinkedHashMap<>();

    /**
     * Finds and checks everything that can be checked without the device.
     *
     * @throws UsageException when something was asked wrongly
     */
    HostPlan plan() {
        try {
            var modules = Modules.of(modulePath);
            return new HostPlan(
                    modules.driver(driver),
                    DeviceAddress.parse(device),
                    strategy,
                    iommuSocket(),
                    domain(),
                    memoryBytes(),
                    queueEntries(),
                    waiting(),
                    client == null ? null : modules.client(client),
                    Map.copyOf(clientOptions));
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    private Path iommuSocket() {
        if (strategy == Strategy.OFF) {
            if (iommu != null) {
                throw new UsageException(
                        "--iommu has no use with --strategy off: take --strategy strict or"
                                + " deferred");
            }
            return null;
        }
        if (iommu == null) {
            throw new UsageException(
                    "--strategy "
                            + Words.of(strategy)
                            + " needs --iommu unix:PATH, the path that the device was given with"
                            + " iommu=PATH");
        }
        if (!iommu.startsWith(UNIX) || iommu.length() == UNIX.length()) {
            throw new UsageException("--iommu " + iommu + ": write unix:PATH");
        }
        return Path.of(iommu.substring(UNIX.length()));
    }

    private DomainOptions domain() {
        var options = DomainOptions.DEFAULT.withFormat(TableFormat.ofTitle(format));
        if (tableEntries != null) {
            options = options.withTableEntries(tableEntries);
        }
        return iotlb == null ? options : options.withIotlb(Words.iotlb(iotlb));
    }

    private long memoryBytes() {
        var bytes = Words.size(memory);
        if (bytes < LEAST_MEMORY_BYTES) {
            throw new UsageException("--memory " + memory + " is less than 1M");
        }
        var highest = (PhysicalMemory.FIRST_ADDRESS + bytes - 1) >>> 12;
        if (strategy != Strategy.OFF && highest > TableFormat.ofTitle(format).maxPageFrame()) {
            throw new UsageException(
                    "--memory " + memory + " is more than the format " + format + " can address");
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

    private WaitPolicy waiting() {
        if (spinMicros != null && spinMicros < 0) {
            throw new UsageException("--spin-us " + spinMicros + " is less than 0");
        }
        return new WaitPolicy(
                spinMicros == null
                        ? WaitPolicy.DEFAULT.spinNanos()
                        : TimeUnit.MICROSECONDS.toNanos(spinMicros),
                pause);
    }
}
