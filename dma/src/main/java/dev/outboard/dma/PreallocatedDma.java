package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import java.util.ArrayList;
import java.util.List;

/**
 * All memory of the driver is mapped when the service starts, in both directions and with the
 * largest pages that the format has; mapping is arithmetic (The Price of Safety, section 4.3.1).
 *
 * <p><b>The window</b> is everything, as long as the service lives: other drivers are protected
 * from this one's device, this driver's memory is not. All its pages count as the window's entries,
 * whether something is mapped in them or not. Directions are not enforced.
 *
 * <p>Memory that comes is mapped when it comes, whole, or does not come. It goes by whole segments:
 * an entry of the table may cover more than a part.
 *
 * <p>Coherent memory is mapped once more, for itself, and that mapping ends with it.
 */
final class PreallocatedDma extends MappingService {
    /** Changed only by who has the service alone. */
    private Region[] regions = {};

    private final LiveMappings live;

    /** Revoked with mappings in them that are not unmapped: their IOVA is not used again. */
    private final List<Region> orphans = new ArrayList<>();

    // The first region once more, for most mappings are in it.
    private long firstStart;
    private long firstLength;
    private long firstShift;

    private long allPages;
    private long mostPages;
    private boolean unmapped;
    private boolean ended;
    private long firstUnmapNanos;
    private long endNanos;

    /**
     * A segment that is mapped.
     *
     * @param page its first IOVA page
     * @param shift what turns a physical address of it into its IOVA
     */
    private record Region(long start, long lengthBytes, long page, int pages, long shift) {
        FrameRange frames() {
            return FrameRange.of(start, lengthBytes);
        }
    }

    /**
     * @throws IllegalArgumentException if the memory does not fit the window; nothing is mapped
     */
    PreallocatedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        live = new LiveMappings(Math.toIntExact(translations.pages()));
        long wanted = 0;
        for (PhysicalSegment segment : memory.segments()) {
            wanted += pages(segment.physicalAddress(), segment.lengthBytes());
        }
        if (wanted > freePages()) {
            throw doesNotFit(wanted);
        }
        try {
            for (PhysicalSegment segment : memory.segments()) {
                add(segment.physicalAddress(), segment.lengthBytes());
            }
        } catch (RuntimeException failure) {
            for (Region region : regions) {
                reclaim(region.page, region.pages);
            }
            throw failure;
        }
    }

    private void add(long start, long lengthBytes) {
        int pages = pages(start, lengthBytes);
        require(start, lengthBytes, pages);
        long page = pages > freePages() ? IovaAllocator.NONE : placeAndCommit(start, pages);
        if (page == IovaAllocator.NONE) {
            throw doesNotFit(pages);
        }
        long shift = iova(page, start) - start;
        List<Region> more = new ArrayList<>(List.of(regions));
        more.add(new Region(start, lengthBytes, page, pages, shift));
        set(more);
    }

    private long placeAndCommit(long start, int pages) {
        long page = place(firstPage(start), pages, Access.READ_WRITE);
        if (page != IovaAllocator.NONE) {
            try {
                translations.commit();
            } catch (RuntimeException refused) {
                free(page, pages);
                throw refused;
            }
        }
        return page;
    }

    private void set(List<Region> all) {
        regions = all.toArray(Region[]::new);
        allPages = all.stream().mapToLong(Region::pages).sum();
        mostPages = Math.max(mostPages, allPages);
        firstStart = regions.length == 0 ? 0 : regions[0].start;
        firstLength = regions.length == 0 ? 0 : regions[0].lengthBytes;
        firstShift = regions.length == 0 ? 0 : regions[0].shift;
    }

    private IllegalArgumentException doesNotFit(long pages) {
        return new IllegalArgumentException(
                ("memory of %d pages does not fit the %d free pages of the window, and"
                                + " strategy=PREALLOCATED maps all of it: take a larger table"
                                + " (--table-entries) or less memory (--memory)")
                        .formatted(pages, freePages()));
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
        for (Region region : regions) {
            long offset = physicalAddress - region.start;
            if (lengthBytes > 0 && offset >= 0 && offset <= region.lengthBytes - lengthBytes) {
                return region.shift;
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
    public void coming(PhysicalSegment segment) {
        alone(
                () -> {
                    freeOrphans();
                    add(segment.physicalAddress(), segment.lengthBytes());
                });
    }

    @Override
    void drainIn(FrameRange range, boolean whole) {
        if (!whole) {
            throw new IllegalStateException(
                    ("0x%x+%s is a part of a segment, and %s has mapped the whole: unplug all of"
                                    + " the segment, or take another strategy")
                            .formatted(
                                    range.physicalAddress(),
                                    MemoryUse.text(range.lengthBytes()),
                                    title()));
        }
    }

    @Override
    void visit(FrameRange range, MappingVisitor visitor) {
        for (Region region : regions) {
            live.visit((int) region.page, region.pages, firstPage(region.start), range, visitor);
        }
    }

    @Override
    void visitReachable(FrameRange range, MappingVisitor visitor) {
        for (Region region : regions) {
            visitor.mapping(region.page, region.pages, firstPage(region.start), region.pages);
        }
    }

    @Override
    void clearIn(FrameRange range) {
        for (Region region : regions) {
            if (range.overlaps(region.frames().first(), region.frames().frames())) {
                translations.clear(region.page, region.pages);
            }
        }
    }

    @Override
    void clearedIn(FrameRange range) {
        List<Region> left = new ArrayList<>();
        for (Region region : regions) {
            if (range.overlaps(region.frames().first(), region.frames().frames())) {
                orphans.add(region);
            } else {
                left.add(region);
            }
        }
        set(left);
        freeOrphans();
    }

    private void freeOrphans() {
        for (Region region : List.copyOf(orphans)) {
            if (!live.any((int) region.page, region.pages)) {
                free(region.page, region.pages);
                orphans.remove(region);
            }
        }
    }

    @Override
    public void stays(FrameRange stays) {
        alone(
                () -> {
                    for (Region region : regions) {
                        if (stays.overlaps(region.frames().first(), region.frames().frames())) {
                            return;
                        }
                    }
                    add(stays.physicalAddress(), stays.lengthBytes());
                });
    }

    @Override
    void clearAll() {
        for (Region region : regions) {
            translations.clear(region.page, region.pages);
            live.clear((int) region.page, region.pages);
        }
    }

    @Override
    void freeAll() {
        for (Region region : orphans) {
            live.clear((int) region.page, region.pages);
        }
        freeOrphans();
        for (Region region : regions) {
            free(region.page, region.pages);
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
        return mostPages;
    }

    @Override
    long windowNanos() {
        return unmapped ? (ended ? endNanos : System.nanoTime()) - firstUnmapNanos : 0;
    }
}
