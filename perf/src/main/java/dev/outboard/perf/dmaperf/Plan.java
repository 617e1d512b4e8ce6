package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Strategy;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.setup.Owner;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What is measured, in which processes, for how long.
 *
 * @param groups a driver process each
 * @param pointMillis measured for each point
 * @param allocator what hands out IOVA
 */
record Plan(
        List<Group> groups,
        long firstMillis,
        long warmUpMillis,
        long pointMillis,
        IovaAllocation allocator,
        boolean isDeviceBusy) {
    private static final Set<Strategy> QUICK_DRIVER =
            EnumSet.of(
                    Strategy.STRICT,
                    Strategy.DEFERRED,
                    Strategy.BATCHED,
                    Strategy.CACHED,
                    Strategy.COPIED);
    private static final Set<Strategy> QUICK_MEDIATOR =
            EnumSet.of(Strategy.STRICT, Strategy.BATCHED);

    /** Strategies that give IOVA back, and take it, as buffers come and go. */
    private static final Set<Strategy> TAKES_IOVA =
            EnumSet.of(Strategy.STRICT, Strategy.DEFERRED, Strategy.BATCHED, Strategy.CACHED);

    private static final int IOVA_PAGES = 64 * 1024;
    private static final int MEDIATOR_FACTOR = 4;

    /**
     * Whether a mapping takes IOVA. Under the others it was laid out once, and how full the space
     * is does not matter; only an empty one is measured.
     */
    static boolean takesIova(Strategy strategy) {
        return TAKES_IOVA.contains(strategy);
    }

    /** What the user selected. */
    static Plan of(Selection selection) {
        long point = Math.round(1000 * selection.seconds());
        var groups = new ArrayList<Group>();
        for (int threads : selection.threads()) {
            if (selection.strategies().contains(Strategy.OFF)) {
                add(groups, selection, null, Strategy.OFF, Owner.NONE, threads);
            }
            for (var owner : selection.owners()) {
                for (var format : selection.formats()) {
                    for (var strategy : selection.strategies()) {
                        add(groups, selection, format, strategy, owner, threads);
                    }
                }
            }
        }
        return new Plan(
                List.copyOf(groups),
                selection.isQuick() ? 400 : 1200,
                selection.isQuick() ? 60 : 100,
                point,
                selection.allocator(),
                selection.isDeviceBusy());
    }

    private static void add(
            List<Group> groups,
            Selection selection,
            TableFormat format,
            Strategy strategy,
            Owner owner,
            int threads) {
        boolean isOff = strategy == Strategy.OFF;
        if (isOff != (owner == Owner.NONE) || !isTelling(selection, strategy, owner)) {
            return;
        }
        groups.add(new Group(format, strategy, owner, threads, selection.points(strategy)));
    }

    /** With --quick and nothing named, only what tells most. */
    private static boolean isTelling(Selection selection, Strategy strategy, Owner owner) {
        if (!selection.isQuick() || selection.hasStrategies()) {
            return true;
        }
        return switch (owner) {
            case NONE -> false;
            case DRIVER -> QUICK_DRIVER.contains(strategy);
            case MEDIATOR -> QUICK_MEDIATOR.contains(strategy);
        };
    }

    /** A table for 256 MiB of IOVA, or the smallest of its format that is larger. */
    int tableEntries(Group group) {
        if (group.format() == null) {
            return IOVA_PAGES;
        }
        int entries = Math.max(1, IOVA_PAGES >> group.format().granuleShift());
        while (!group.format().isTableSize(entries) && entries < group.format().maxEntries()) {
            entries = Math.min(2 * entries, group.format().maxEntries());
        }
        return entries;
    }

    /** How long a group runs before its first point: the compiler of a mediator needs it, too. */
    long firstMillis(Group group) {
        return group.owner() == Owner.MEDIATOR ? MEDIATOR_FACTOR * firstMillis : firstMillis;
    }

    /** About how long a group takes, in seconds. */
    double seconds(Group group) {
        double each = (2.0 * warmUpMillis + 1.3 * pointMillis + 120) / 1e3;
        return Group.START_SECONDS + firstMillis(group) / 1e3 + each * group.points().size();
    }
}
