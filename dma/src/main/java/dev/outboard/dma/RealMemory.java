package dev.outboard.dma;

import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.generic.PageMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Segments whose physical addresses are the machine's own, for devices with nothing before them:
 * huge pages, which the kernel does not move, where they are, neighbours joined.
 */
final class RealMemory {
    private static final int PAGE_SHIFT = 21;
    private static final long PAGE_BYTES = 1L << PAGE_SHIFT;

    private RealMemory() {}

    /** A page, and where it is. */
    record Page(MemoryFile file, long physicalAddress) {}

    /**
     * Takes huge pages of 2 MiB.
     *
     * @param lengthBytes rounded up to whole ones
     * @throws IllegalStateException if there are not so many, the kernel does not tell where they
     *     are, or they lie in too many places
     */
    static List<PhysicalSegment> segments(long lengthBytes) {
        long count = (PhysicalMemory.roundUp(lengthBytes) + PAGE_BYTES - 1) >>> PAGE_SHIFT;
        Resources taken = new Resources();
        List<Page> pages = new ArrayList<>();
        try (PageMap map = PageMap.open()) {
            for (long number = 0; number < count; number++) {
                MemoryFile file = taken.add(LocalSegments.file(PAGE_BYTES, PageKind.HUGE_2M));
                pages.add(new Page(file, locate(map, file)));
            }
            return segments(pages);
        } catch (NativeException scarce) {
            taken.closeAfter(scarce);
            throw HugePages.missing(count << PAGE_SHIFT, PageKind.HUGE_2M, scarce);
        } catch (RuntimeException failure) {
            taken.closeAfter(failure);
            throw failure;
        }
    }

    /** A page of a file stays where it is also while nobody has it mapped. */
    private static long locate(PageMap map, MemoryFile file) {
        file.sealSize();
        try (Mapping mapping = file.map(0, PAGE_BYTES, true)) {
            mapping.memory().fill((byte) 0);
            return map.physicalAddress(mapping.memory(), 0);
        }
    }

    private static List<PhysicalSegment> segments(List<Page> pages) {
        List<List<Page>> runs = runs(pages);
        if (runs.size() > PhysicalMemory.MAX_SEGMENTS) {
            throw new IllegalStateException(
                    ("%d huge pages lie in %d places, of which %d can be used: reserve them as the"
                                    + " machine boots (hugepages=N), or take less (--memory)")
                            .formatted(pages.size(), runs.size(), PhysicalMemory.MAX_SEGMENTS));
        }
        List<PhysicalSegment> made = new ArrayList<>();
        try {
            for (List<Page> run : runs) {
                List<MemoryFile> files = run.stream().map(Page::file).toList();
                Mapping mapping = MemoryFile.mapJoined(files, PAGE_BYTES);
                made.add(
                        new PhysicalSegment(
                                run.getFirst().physicalAddress(),
                                new SegmentFile(files),
                                mapping,
                                PageKind.HUGE_2M));
            }
            return made;
        } catch (RuntimeException failure) {
            made.forEach(PhysicalSegment::close);
            throw failure;
        }
    }

    /** Pages by rising address, those together that are neighbours. */
    static List<List<Page>> runs(List<Page> pages) {
        List<List<Page>> runs = new ArrayList<>();
        long next = -1;
        for (Page page :
                pages.stream().sorted(Comparator.comparingLong(Page::physicalAddress)).toList()) {
            if (page.physicalAddress() != next) {
                runs.add(new ArrayList<>());
            }
            runs.getLast().add(page);
            next = page.physicalAddress() + PAGE_BYTES;
        }
        return runs;
    }
}
