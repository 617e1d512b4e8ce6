package dev.outboard.host.run;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.cli.UsageException;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** The options of {@code outboard run} that say how DMA is protected, as they were written. */
final class ProtectionOptions {
    private static final String UNIX = "unix:";
    private static final String DEVICE = "device";

    @Option(
            names = "--strategy",
            defaultValue = "off",
            paramLabel = "NAME",
            completionCandidates = Strategies.class,
            description =
                    "How DMA is protected: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private String strategy;

    @Option(
            names = "--iommu",
            paramLabel = "unix:PATH|device",
            description =
                    "Where the device attaches to the IOMMU of this process, or 'device' for what"
                            + " the device has itself: an IOTLB fed by vhost-user messages, the"
                            + " kernel's IOMMU behind VFIO, the windows of vfio-user.")
    private String iommu;

    @Option(
            names = "--no-iommu",
            description =
                    "Nothing need stand between the device and the memory of the whole machine:"
                            + " for devices bound to uio_pci_generic, with --strategy off.")
    private boolean noIommu;

    @Option(
            names = "--mediator",
            paramLabel = "unix:PATH",
            description =
                    "The mediator that owns the IOMMU and the memory, in place of this process;"
                            + " the device then attaches to the mediator.")
    private String mediator;

    @Option(
            names = "--format",
            paramLabel = "NAME",
            completionCandidates = Formats.class,
            description =
                    "The translation table's format: ${COMPLETION-CANDIDATES}. Default: calgary.")
    private String format;

    @Option(
            names = "--table-entries",
            paramLabel = "N",
            description = "Entries of the table, each for 4 KiB of IOVA. Default: 262144.")
    private Integer tableEntries;

    @Option(
            names = "--iotlb",
            paramLabel = "SETSxWAYS[:POLICY][,NAME=N]",
            description =
                    "The device's IOTLB; POLICY is lru, plru, fifo or random. More by name:"
                            + " superpages=N entries for larger pages, ats=N of a cache in the"
                            + " device itself, prefetch=N pages looked up ahead. Default:"
                            + " 64x4:lru,superpages=8,ats=0,prefetch=0.")
    private String iotlb;

    @Option(
            names = "--allocator",
            paramLabel = "NAME",
            completionCandidates = Allocators.class,
            description = "How IOVA is handed out: ${COMPLETION-CANDIDATES}. Default: next-fit.")
    private String allocator;

    @Option(
            names = "--flush-entries",
            paramLabel = "N",
            description =
                    "With --strategy deferred: flush when so many unmapped pages wait for it;"
                            + " without, when the IOVAs roll over.")
    private Integer flushEntries;

    @Option(
            names = "--flush-ms",
            paramLabel = "T",
            description =
                    "With --strategy deferred: no unmapped page waits longer for a flush, as long"
                            + " as its thread and the device get a processor within T/2 ms.")
    private Integer flushMillis;

    @Option(
            names = "--cache-entries",
            paramLabel = "N",
            description =
                    "With --strategy cached: the most mappings kept beyond their unmap. Default:"
                            + " 4096.")
    private Integer cacheEntries;

    @Option(
            names = "--pages",
            defaultValue = "auto",
            paramLabel = "KIND",
            completionCandidates = Kinds.class,
            description =
                    "What the driver's memory is made of: ${COMPLETION-CANDIDATES}. 'auto' takes"
                            + " huge pages that are free, else transparent ones. Default:"
                            + " ${DEFAULT-VALUE}.")
    private String pages;

    /** The names of the strategies, for the help. */
    static final class Strategies extends Names {
        /** For picocli. */
        Strategies() {
            super(Stream.of(Strategy.values()).map(Words::of));
        }
    }

    /** The names of the kinds of page, for the help. */
    static final class Kinds extends Names {
        /** For picocli. */
        Kinds() {
            super(Stream.of(PageKind.values()).map(Words::of));
        }
    }

    /** The names of the formats, for the help. */
    static final class Formats extends Names {
        /** For picocli. */
        Formats() {
            super(TableFormat.all().stream().map(TableFormat::title));
        }
    }

    /** The names of the ways to hand out IOVA, for the help. */
    static final class Allocators extends Names {
        /** For picocli. */
        Allocators() {
            super(Stream.of(IovaAllocation.values()).map(Words::of));
        }
    }

    private abstract static sealed class Names implements Iterable<String>
            permits Strategies, Kinds, Formats, Allocators {
        private final List<String> names;

        Names(Stream<String> names) {
            this.names = names.toList();
        }

        @Override
        public final java.util.Iterator<String> iterator() {
            return names.iterator();
        }
    }

    /**
     * What the driver's memory is to be made of.
     *
     * @throws IllegalArgumentException when it is no kind of page
     */
    PageKind pages() {
        return Words.constant(PageKind.class, pages, "kind of page");
    }

    /**
     * Checks what can be checked without the device.
     *
     * @param memoryBytes how much physical memory the driver gets
     * @param device what is to be driven: somebody may keep translations for it unasked
     * @throws UsageException when something was asked wrongly
     * @throws IllegalArgumentException likewise
     */
    Protection protection(long memoryBytes, DeviceAddress device) {
        var chosen = Words.constant(Strategy.class, strategy, "strategy");
        refuseBoundsOfOthers(chosen);
        if (chosen == Strategy.OFF) {
            refuseWithoutIommu();
            return Protection.OFF.withNoIommu(noIommu);
        }
        if (noIommu) {
            throw new UsageException(
                    "--no-iommu is for --strategy off: with --strategy %s an IOMMU is wanted"
                            .formatted(Words.of(chosen)));
        }
        var owner = owner(chosen, device);
        var domain = domain(owner);
        checkReach(domain.format(), memoryBytes);
        return new Protection(owner, socket(owner), bounds(chosen), domain, false);
    }

    /** A bound that nothing would look at was meant for something else. */
    private void refuseBoundsOfOthers(Strategy chosen) {
        refuse("--flush-entries", flushEntries, chosen, Strategy.DEFERRED);
        refuse("--flush-ms", flushMillis, chosen, Strategy.DEFERRED);
        refuse("--cache-entries", cacheEntries, chosen, Strategy.CACHED);
    }

    private static void refuse(String option, Integer value, Strategy chosen, Strategy user) {
        if (value == null) {
            return;
        }
        if (chosen != user) {
            throw new UsageException(
                    "%s has no use with --strategy %s: take --strategy %s"
                            .formatted(option, Words.of(chosen), Words.of(user)));
        }
        if (value < 1) {
            throw new UsageException(option + " " + value + " is less than 1");
        }
    }

    private void refuseWithoutIommu() {
        var given =
                iommu != null
                        ? "--iommu"
                        : mediator != null
                                ? "--mediator"
                                : format != null
                                        ? "--format"
                                        : tableEntries != null
                                                ? "--table-entries"
                                                : iotlb != null
                                                        ? "--iotlb"
                                                        : allocator != null ? "--allocator" : null;
        if (given != null) {
            throw new UsageException(
                    given
                            + " has no use with --strategy off: take --strategy strict, or another"
                            + " that protects");
        }
    }

    private Owner owner(Strategy chosen, DeviceAddress device) {
        if (mediator != null) {
            if (iommu != null) {
                throw new UsageException(
                        "--mediator and --iommu are two owners of the IOMMU: leave --iommu out, the"
                                + " device attaches to the mediator (iommu=PATH of the device is"
                                + " --iommu of the mediator)");
            }
            return Owner.MEDIATOR;
        }
        if (iommu == null && device.keeper() != null) {
            return Owner.DEVICE;
        }
        if (iommu == null) {
            throw new UsageException(
                    "--strategy "
                            + Words.of(chosen)
                            + " needs --iommu unix:PATH, the path that the device was given with"
                            + " iommu=PATH, or --iommu device where the device has an IOTLB, or"
                            + " --mediator unix:PATH");
        }
        return iommu.equals(DEVICE) ? Owner.DEVICE : Owner.DRIVER;
    }

    private Path socket(Owner owner) {
        return switch (owner) {
            case DRIVER -> path("--iommu", iommu, "unix:PATH or device");
            case MEDIATOR -> path("--mediator", mediator, "unix:PATH");
            case DEVICE, NONE -> null;
        };
    }

    private static Path path(String option, String written, String wanted) {
        if (!written.startsWith(UNIX) || written.length() == UNIX.length()) {
            throw new UsageException(option + " " + written + ": write " + wanted);
        }
        return Path.of(written.substring(UNIX.length()));
    }

    private DomainOptions domain(Owner owner) {
        var options = DomainOptions.DEFAULT;
        if (format != null) {
            options = options.withFormat(TableFormat.ofTitle(format));
        }
        if (tableEntries != null) {
            options = options.withTableEntries(tableEntries);
        }
        if (allocator != null) {
            var chosen = Words.constant(IovaAllocation.class, allocator, "allocator");
            options = options.withAllocation(chosen);
        }
        if (iotlb == null) {
            return options;
        }
        if (owner == Owner.DEVICE) {
            throw new UsageException(
                    "--iotlb has no use with --iommu device: the device's IOTLB is as it is");
        }
        return options.withIotlb(Words.iotlb(iotlb));
    }

    private void checkReach(TableFormat chosen, long memoryBytes) {
        var highest = (PhysicalMemory.FIRST_ADDRESS + memoryBytes - 1) >>> IoPage.SHIFT;
        if (highest > chosen.maxPageFrame()) {
            throw new UsageException(
                    "--memory is more than the format "
                            + chosen.title()
                            + " can address: take at most "
                            + (((chosen.maxPageFrame() + 1) << IoPage.SHIFT)
                                            - PhysicalMemory.FIRST_ADDRESS
                                    >> 20)
                            + "M, or another --format");
        }
    }

    private StrategyOptions bounds(Strategy chosen) {
        var usual = StrategyOptions.of(chosen);
        return new StrategyOptions(
                chosen,
                flushEntries == null ? usual.queueEntries() : flushEntries,
                flushMillis == null
                        ? usual.queueNanos()
                        : TimeUnit.MILLISECONDS.toNanos(flushMillis),
                cacheEntries == null ? usual.cacheEntries() : cacheEntries);
    }
}
