package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import java.util.Arrays;
import java.util.List;

/**
 * All memory of the driver is mapped when the service starts, in both directions and with the
 * largest pages that the format has; mapping is arithmetic (The Price of Safety, section 4.3.1).
 *
 * <p><b>The window</b> is everything, as long as the service lives: other drivers are protected
 * from this one's device, this driver's memory is not. All its pages count as the window's entries,
 * whether something is mapped in them or not. Directions are not enforced.
 *
 * <p>Coherent memory is mapped once more, for itself, and that mapping ends with it.
 */
final class PreallocatedDma extends MappingService {
    private final long[] starts;
    private final long[] lengths;

    /** What turns a physical address of a segment into its IOVA. */
    private final long[] shifts;

    private final long firstStart;
    private final long firstLength;
    private final long firstShift;

    private final int[] pages;
    private final LiveMappings live;
    private final long allPages;
    private boolean unmapped;
    private boolean ended;
    private long firstUnmapNanos;
    private long endNanos;

    /**
     * @throws IllegalArgumentException if the memory does not fit the window; nothing is mapped
     */
    PreallocatedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        List<PhysicalSegment> segments = memory.segments();
        starts = new long[segments.size()];
        lengths = new long[starts.length];
        shifts = new long[starts.length];
        pages = new int[starts.length];
        for (int index = 0; index < starts.length; index++) {
            starts[index] = segments.get(index).physicalAddress();
            lengths[index] = segments.get(index).lengthBytes();
            pages[index] = pages(starts[index], lengths[index]);
        }
        allPages = Arrays.stream(pages).asLongStream().sum();
        if (allPages > freePages()) {
            throw doesNotFit();
        }
        preallocate();
        firstStart = starts[0];
        firstLength = lengths[0];
        firstShift = shifts[0];
        live = new LiveMappings(Math.toIntExact(translations.pages()));
    }

    private void preallocate() {
        int placed = 0;
        try {
            while (placed < starts.length) {
                require(starts[placed], lengths[placed], pages[placed]);
                long page = place(firstPage(starts[placed]), pages[placed], Access.READ_WRITE);
                if (page == IovaAllocator.NONE) {
                    throw doesNotFit();
                }
                shifts[placed] = iova(page, starts[placed]) - starts[placed];
                placed++;
            }
            translations.commit();
        } catch (RuntimeException failure) {
            for (int index = 0; index < placed; index++) {
                reclaim(firstPage(starts[index] + shifts[index]), pages[index]);
            }
            throw failure;
        }
    }

    private IllegalArgumentException doesNotFit() {
        return new IllegalArgumentException(
                ("memory of %d pages does not fit the %d free pages of the window, and"
                                + " strategy=PREALLOCATED maps all of it: take a larger table"
                                + " (--table-entries) or less memory (--memory)")
                        .formatted(allPages, freePages()));
    }

    @Override
    void commit() {
        // Everything is committed already.
    }

    @Override
    long begin(long physicalAddress, int lengthBytes, int access) {
        long offset = physicalAddress - firstStart;
        long shift =
                lengthBytes > 0 && offset >= 0 && offset <= firstLength - lengthBytes
                        ? firstShift
                        : shiftFurtherOn(physicalAddress, lengthBytes);
        long iova = physicalAddress + shift;
        return live.add((int) (iova >>> IoPage.SHIFT), lengthBytes) ? iova : NO_IOVA;
    }

    private long shiftFurtherOn(long physicalAddress, int lengthBytes) {
        for (int index = 1; index < starts.length; index++) {
            long offset = physicalAddress - starts[index];
            if (lengthBytes > 0 && offset >= 0 && offset <= lengths[index] - lengthBytes) {
                return shifts[index];
            }
        }
        throw Buffers.notMemory(physicalAddress, lengthBytes, IoPage.BYTES);
    }

    @Override
    void cancel(long iova, int lengthBytes) {
        end(iova, lengthBytes);
    }

    @Override
    boolean end(long iova, int lengthBytes) {
        return live.remove(iova >>> IoPage.SHIFT, lengthBytes);
    }

    @Override
    void restore(long iova, int lengthBytes) {
        live.add((int) (iova >>> IoPage.SHIFT), lengthBytes);
    }

    @Override
    void release(long iova, int lengthBytes) {
        if (!unmapped) {
            unmapped = true;
            firstUnmapNanos = System.nanoTime();
        }
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        if (count > 0) {
            release(iovas[0], lengths[0]);
        }
    }

    @Override
    void clearAll() {
        for (int index = 0; index < starts.length; index++) {
            int page = (int) firstPage(starts[index] + shifts[index]);
            translations.clear(page, pages[index]);
            live.clear(page, pages[index]);
        }
    }

    @Override
    void freeAll() {
        for (int index = 0; index < starts.length; index++) {
            free(firstPage(starts[index] + shifts[index]), pages[index]);
        }
        endNanos = System.nanoTime();
        ended = true;
    }

    @Override
    public Strategy strategy() {
        return Strategy.PREALLOCATED;
    }

    @Override
    long staleEntries() {
        return ended ? 0 : allPages;
    }

    @Override
    long windowEntries() {
        return allPages;
    }

    @Override
    long windowNanos() {
        return unmapped ? (ended ? endNanos : System.nanoTime()) - firstUnmapNanos : 0;
    }
}
