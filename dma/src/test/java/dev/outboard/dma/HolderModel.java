package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * What a device may reach by each page of IOVA and what it must, whatever the strategy, beside a
 * mapping service: compared with what it does reach, in both directions.
 */
final class HolderModel {
    /** A page of a mapping, or of one that was. */
    private record Page(long frame, int access) {}

    private final Holder holder;
    private final Dma dma;
    private final StrategyOptions options;
    private final int granule;

    /** By page of IOVA: all that is mapped there now. */
    private final Map<Long, List<Page>> live = new HashMap<>();

    /** By page of IOVA: what was mapped there, and may still work inside the window. */
    private final Map<Long, Page> stale = new HashMap<>();

    /** Flushes that had begun when a page was unmapped, since which it was not reused. */
    private final Map<Long, Long> unmappedAt = new HashMap<>();

    /** Pages ever seen, and their neighbours. */
    private final Set<Long> seen = new HashSet<>();

    /** Frames that the strategy may let a device reach, mapped or not; and with which access. */
    private final Map<Long, Integer> granted = new HashMap<>();

    private final LongPredicate isBuffer;

    /**
     * @param isBuffer of frames: whether a buffer may be there, which the driver maps
     */
    HolderModel(Holder holder, Dma dma, StrategyOptions options, LongPredicate isBuffer) {
        this.holder = holder;
        this.dma = dma;
        this.options = options;
        this.isBuffer = isBuffer;
        granule = 1 << holder.domain().options().format().granuleShift();
    }

    void mapped(long iova, long physicalAddress, int lengthBytes, int access) {
        long frame = first(physicalAddress);
        long first = first(iova);
        for (int index = 0; index < pages(iova, lengthBytes); index++) {
            long page = first + index;
            Page now = new Page(frame + index, access);
            if (options.strategy() == Strategy.DEFERRED && unmappedAt.containsKey(page)) {
                assertThat(dma.statistics().flushes())
                        .as("flushes before page %d is used again", page)
                        .isGreaterThan(unmappedAt.remove(page));
            }
            // There is one entry: what worked by it before does so no more.
            stale.remove(page);
            live.computeIfAbsent(page, none -> new ArrayList<>()).add(now);
            seen.add(page - 1);
            seen.add(page);
            seen.add(page + 1);
        }
    }

    /**
     * @param flushes before the unmap
     */
    void unmapped(long iova, long physicalAddress, int lengthBytes, int access, long flushes) {
        long frame = first(physicalAddress);
        for (int index = 0; index < pages(iova, lengthBytes); index++) {
            long page = first(iova) + index;
            Page gone = new Page(frame + index, access);
            assertThat(live.get(page).remove(gone)).isTrue();
            if (live.get(page).isEmpty()) {
                live.remove(page);
            }
            stale.put(page, gone);
            unmappedAt.put(page, flushes);
        }
    }

    /** Nothing that was unmapped works any more. */
    void flushed() {
        stale.clear();
    }

    /** It was unmapped, and flushed before that returned. */
    void forget(long iova, int lengthBytes) {
        for (int index = 0; index < pages(iova, lengthBytes); index++) {
            live.remove(first(iova) + index);
        }
    }

    /** Somebody else's memory has gone, mapped or not. */
    void takenBack(long physicalAddress, long lengthBytes) {
        long first = physicalAddress >>> IoPage.SHIFT;
        long end = first + (lengthBytes >>> IoPage.SHIFT);
        stale.values().removeIf(page -> page.frame >= first && page.frame < end);
        live.values().forEach(all -> all.removeIf(p -> p.frame >= first && p.frame < end));
        live.values().removeIf(List::isEmpty);
    }

    void grant(long physicalAddress, long lengthBytes, int access) {
        for (int index = 0; index < pages(physicalAddress, lengthBytes); index++) {
            granted.put(first(physicalAddress) + index, access);
        }
    }

    void revoke(long physicalAddress, long lengthBytes) {
        for (int index = 0; index < pages(physicalAddress, lengthBytes); index++) {
            granted.remove(first(physicalAddress) + index);
        }
    }

    private long first(long address) {
        return (address >>> IoPage.SHIFT) & -granule;
    }

    private int pages(long address, long lengthBytes) {
        return (int)
                (((address + lengthBytes - 1 >>> IoPage.SHIFT) | granule - 1) + 1 - first(address));
    }

    /** Probes pages ever seen, or all there are; gives how many work that are not mapped. */
    int probe(boolean all) {
        holder.settle();
        int reached = 0;
        if (all) {
            for (long page = 0; page < holder.domain().options().pages(); page++) {
                reached += probe(page) ? 1 : 0;
            }
        } else {
            for (long page : seen) {
                reached += probe(page) ? 1 : 0;
            }
        }
        assertThat((long) reached)
                .as("pages that work and are not mapped")
                .isLessThanOrEqualTo(options.statedWindowEntries());
        assertThat(dma.statistics().windowEntries())
                .isLessThanOrEqualTo(options.statedWindowEntries());
        return reached;
    }

    /** Whether a page works that is not mapped. */
    private boolean probe(long page) {
        long read = holder.reach(page << IoPage.SHIFT, Access.READ);
        long written = holder.reach(page << IoPage.SHIFT, Access.WRITE);
        int must = 0;
        for (Page mapped : live.getOrDefault(page, List.of())) {
            must |= mapped.access;
        }
        check(page, Access.READ, read, must);
        check(page, Access.WRITE, written, must);
        // Of what is copied no buffer is behind a page that works on.
        boolean isShadow = options.strategy() == Strategy.COPIED;
        return must == 0 && !isShadow && (read >= 0 || written >= 0);
    }

    private void check(long page, int access, long physicalAddress, int must) {
        if (physicalAddress < 0) {
            assertThat(must & access).as("page %d is mapped: access=%d", page, access).isZero();
            return;
        }
        long frame = physicalAddress >>> IoPage.SHIFT;
        assertThat(isAllowed(page, access, frame))
                .as("page %d works with access=%d and reaches frame 0x%x", page, access, frame)
                .isTrue();
    }

    private boolean isAllowed(long page, int access, long frame) {
        for (Page mapped : live.getOrDefault(page, List.of())) {
            if (allows(mapped, access, frame)) {
                return true;
            }
        }
        return switch (options.strategy()) {
            case STRICT, BATCHED -> false;
            case DEFERRED, CACHED, NEVER_FREE ->
                    !live.containsKey(page) && allows(stale.get(page), access, frame);
            case GRANTED -> (granted.getOrDefault(frame, 0) & access) != 0;
            case PREALLOCATED -> holder.memory().contains(frame << IoPage.SHIFT, IoPage.BYTES);
            case COPIED -> !isBuffer.test(frame);
            case OFF -> throw new IllegalStateException("no IOMMU");
        };
    }

    private boolean allows(Page page, int access, long frame) {
        // What is copied is elsewhere, and never where a buffer is.
        boolean isThere =
                page != null
                        && (options.strategy() == Strategy.COPIED
                                ? !isBuffer.test(frame)
                                : page.frame == frame);
        return isThere && (page.access & access) != 0;
    }
}
