package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * What a device may reach, page by page, kept beside a mapping service and compared with what it
 * does reach: every page of IOVA that it ever saw is probed in both directions.
 */
final class ReachModel {
    /** What a page is mapped to, or was. */
    private record Mapped(long pageFrame, int access) {}

    private final Bench bench;
    private final Dma dma;
    private final StrategyOptions options;
    private final int granulePages;
    private final Map<Long, Mapped> live = new HashMap<>();

    /** Unmapped since the last flush that the model knows of, by page. */
    private final Map<Long, Mapped> stale = new HashMap<>();

    /** Of these, those that no flush can have reached: not to be handed out. */
    private final Set<Long> barred = new HashSet<>();

    private long seenFlushes;

    ReachModel(Bench bench, Dma dma, StrategyOptions options) {
        this.bench = bench;
        this.dma = dma;
        this.options = options;
        granulePages = 1 << bench.domain.options().format().granuleShift();
    }

    private long firstPage(long iova) {
        return (iova >>> IoPage.SHIFT) & -granulePages;
    }

    private int pages(long iova, int lengthBytes) {
        long end = (iova + lengthBytes - 1 >>> IoPage.SHIFT | granulePages - 1) + 1;
        return (int) (end - firstPage(iova));
    }

    void mapped(long iova, long physicalAddress, int lengthBytes, DmaDirection direction) {
        long first = firstPage(iova);
        long frame = firstPage(physicalAddress);
        for (int index = 0; index < pages(iova, lengthBytes); index++) {
            long page = first + index;
            assertThat(barred).as("page %d is reused before a flush", page).doesNotContain(page);
            stale.remove(page);
            Mapped now = new Mapped(frame + index, direction.access());
            assertThat(live.put(page, now)).as("page %d is mapped twice", page).isNull();
        }
    }

    /** Unmapped; whether for sure without a flush since. */
    void unmapped(long iova, int lengthBytes, boolean unflushed) {
        for (int index = 0; index < pages(iova, lengthBytes); index++) {
            long page = firstPage(iova) + index;
            Mapped old = live.remove(page);
            if (options.statedWindowEntries() > 0) {
                stale.put(page, old);
                if (unflushed) {
                    barred.add(page);
                }
            }
        }
    }

    /**
     * Called after each step and before what it unmapped is told: what was unmapped before is
     * flushed, if there was a flush of everything.
     *
     * @param others flushes of the step that were not of everything
     * @return whether there was
     */
    boolean flushed(int others) {
        long flushes = dma.statistics().flushes();
        boolean everything = flushes > seenFlushes + others;
        seenFlushes = flushes;
        if (everything) {
            stale.clear();
            barred.clear();
        }
        return everything;
    }

    /** Probes every page there is, and returns how many stale ones were reached. */
    int probe() {
        int reachedStale = 0;
        for (long page = 0; page < bench.domain.options().pages(); page++) {
            Mapped expected = live.get(page);
            boolean reads = reaches(page, Access.READ, expected);
            boolean writes = reaches(page, Access.WRITE, expected);
            if (expected != null) {
                assertThat(reads).isEqualTo((expected.access & Access.READ) != 0);
                assertThat(writes).isEqualTo((expected.access & Access.WRITE) != 0);
            } else if (reads || writes) {
                reachedStale++;
                Mapped old = stale.get(page);
                assertThat(old).as("page %d works outside the window", page).isNotNull();
                assertThat(reads && (old.access & Access.READ) == 0).isFalse();
                assertThat(writes && (old.access & Access.WRITE) == 0).isFalse();
            }
        }
        assertThat((long) reachedStale).isLessThanOrEqualTo(options.statedWindowEntries());
        assertThat(dma.statistics().windowEntries())
                .isLessThanOrEqualTo(options.statedWindowEntries());
        assertThat(dma.statistics().windowNanos()).isLessThanOrEqualTo(options.statedWindowNanos());
        return reachedStale;
    }

    private boolean reaches(long page, int access, Mapped expected) {
        if (!bench.reaches(page << IoPage.SHIFT, 1, access)) {
            return false;
        }
        Mapped mapped = expected == null ? stale.get(page) : expected;
        if (mapped != null) {
            assertThat(bench.physicalAddress()).isEqualTo(mapped.pageFrame << IoPage.SHIFT);
        }
        return true;
    }

    int livePages() {
        return live.size();
    }
}
