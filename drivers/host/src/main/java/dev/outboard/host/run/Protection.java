package dev.outboard.host.run;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import java.nio.file.Path;

/**
 * How a driver's DMA is protected, and by whom.
 *
 * @param owner who holds the translations; {@link Owner#NONE} exactly with {@link Strategy#OFF}
 * @param socket where devices attach to the driver's IOMMU, or where the mediator listens; else
 *     null
 * @param strategy how unmapping is done, with its bounds
 * @param domain what the I/O address space is made of
 * @param noIommu whether the user accepts that nothing stands before the device; only with {@link
 *     Owner#NONE}
 */
record Protection(
        Owner owner, Path socket, StrategyOptions strategy, DomainOptions domain, boolean noIommu) {
    /** No IOMMU. */
    static final Protection OFF =
            new Protection(
                    Owner.NONE,
                    null,
                    StrategyOptions.of(Strategy.OFF),
                    DomainOptions.DEFAULT,
                    false);

    /** The same, with or without the user's word that nothing need stand before the device. */
    Protection withNoIommu(boolean given) {
        return new Protection(owner, socket, strategy, domain, given);
    }

    boolean isOff() {
        return owner == Owner.NONE;
    }

    /** The strategy, as people write it. */
    String strategyWord() {
        return Words.of(strategy.strategy());
    }

    /** The window that the strategy states, in words. */
    String statedWindow() {
        long entries = strategy.statedWindowEntries();
        long nanos = strategy.statedWindowNanos();
        if (entries == 0 || nanos == 0) {
            return "none";
        }
        if (entries == Long.MAX_VALUE && nanos == Long.MAX_VALUE) {
            return "no bound";
        }
        return (entries == Long.MAX_VALUE ? "" : entries + " pages")
                + (entries == Long.MAX_VALUE || nanos == Long.MAX_VALUE ? "" : ", ")
                + (nanos == Long.MAX_VALUE ? "" : nanos / 1_000_000 + " ms");
    }

    /**
     * In words.
     *
     * @param memoryBytes what a device reaches that nothing stands before
     * @param keeper who keeps translations for the device unasked, or null
     */
    String describe(long memoryBytes, String keeper) {
        return switch (owner) {
            case NONE -> describeOff(memoryBytes >> 20, keeper);
            case DRIVER, MEDIATOR ->
                    "strategy %s: %s table of %d entries%s, IOTLB %s"
                            .formatted(
                                    strategyWord(),
                                    domain.format().title(),
                                    domain.tableEntries(),
                                    owner == Owner.MEDIATOR ? " in the mediator" : "",
                                    domain.iotlb());
            case DEVICE -> describeKept(memoryBytes >> 20, keeper);
        };
    }

    private static String describeOff(long mebibytes, String keeper) {
        if (keeper == null) {
            return "strategy off: no IOMMU, the device reaches all %d MiB of the driver's memory"
                    .formatted(mebibytes);
        }
        return "strategy off: all %d MiB of the driver's memory are mapped once by %s"
                .formatted(mebibytes, keeper);
    }

    private String describeKept(long mebibytes, String keeper) {
        if (keeper != null) {
            return "strategy %s: each mapping is a window of %s".formatted(strategyWord(), keeper);
        }
        return ("strategy %s: the device's own IOTLB, fed from a %s table of %d entries; it"
                        + " maps all %d MiB of the driver's memory and is trusted to"
                        + " obey")
                .formatted(
                        strategyWord(), domain.format().title(), domain.tableEntries(), mebibytes);
    }
}
