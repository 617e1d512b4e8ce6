package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Strategy;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Owner;
import java.util.List;

/**
 * What one driver process measures: one format, strategy and owner, as a driver has.
 *
 * @param format layout of the table; null with {@link Strategy#OFF}
 * @param threads mapping threads, each with a service of its own
 * @param points what is measured in it, in order
 */
record Group(TableFormat format, Strategy strategy, Owner owner, int threads, List<Point> points) {
    /** A bounded part of what is measured again. */
    static final double START_SECONDS = 1.6;

    /** The name in progress and messages. */
    String title() {
        return strategy == Strategy.OFF
                ? "off, %d thread%s".formatted(threads, threads == 1 ? "" : "s")
                : "%s, %s, owner %s, %d thread%s"
                        .formatted(
                                formatTitle(),
                                Names.of(strategy),
                                Names.of(owner),
                                threads,
                                threads == 1 ? "" : "s");
    }

    String formatTitle() {
        return format == null ? "none" : format.title();
    }
}
