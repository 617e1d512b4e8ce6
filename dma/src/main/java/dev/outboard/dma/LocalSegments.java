package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import java.util.Map;
import java.util.TreeMap;

/**
 * Segments that this process makes of its own memory, and the physical addresses that it gives
 * them: aligned for superpages, with a hole of a page at least between neighbours, and each address
 * as late as possible for the second time, so that who remembers one wrongly is noticed.
 *
 * <p>Any thread.
 */
final class LocalSegments implements SegmentSource {
    private static final String FILE_NAME = "outboard-memory";
    private static final long SUPERPAGE_BYTES = 2L << 20;
    private static final long LARGEST_SUPERPAGE_BYTES = 1L << 30;
    private static final long END = PhysicalMemory.FIRST_ADDRESS + PhysicalMemory.MAX_LENGTH_BYTES;

    /** Ends of what is taken, by its start. */
    private final TreeMap<Long, Long> taken = new TreeMap<>();

    /** Where the search for the next place begins. */
    private long next = PhysicalMemory.FIRST_ADDRESS;

    /** Takes a place that was chosen already. */
    synchronized void reserve(long physicalAddress, long lengthBytes) {
        taken.put(physicalAddress, physicalAddress + lengthBytes);
        next = Math.max(next, physicalAddress + lengthBytes);
    }

    /** Pages of any kind are made; {@link PhysicalMemory} tries one after the other. */
    @Override
    public Made make(long lengthBytes, PageKind wanted) {
        PageKind kind = wanted == PageKind.AUTO ? PageKind.BASE : wanted;
        MemoryFile file = file(lengthBytes, kind);
        try {
            file.sealSize();
            return new Made(place(lengthBytes), file, kind);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
    }

    @Override
    public synchronized void takeBack(long physicalAddress, long lengthBytes) {
        taken.remove(physicalAddress);
    }

    @Override
    public synchronized long place(long lengthBytes) {
        long alignment =
                lengthBytes >= LARGEST_SUPERPAGE_BYTES ? LARGEST_SUPERPAGE_BYTES : SUPERPAGE_BYTES;
        long at = place(next, lengthBytes, alignment);
        if (at < 0) {
            at = place(PhysicalMemory.FIRST_ADDRESS, lengthBytes, alignment);
        }
        if (at < 0) {
            throw new IllegalArgumentException(
                    "no room for lengthBytes=%d among physical addresses up to 0x%x: unplug some"
                            .formatted(lengthBytes, END));
        }
        reserve(at, lengthBytes);
        next = at + lengthBytes;
        return at;
    }

    private long place(long from, long lengthBytes, long alignment) {
        long at = from + alignment - 1 & -alignment;
        while (at <= END - lengthBytes) {
            Map.Entry<Long, Long> near = taken.lowerEntry(at + lengthBytes + IoPage.BYTES);
            if (near == null || near.getValue() + IoPage.BYTES <= at) {
                return at;
            }
            at = near.getValue() + IoPage.BYTES + alignment - 1 & -alignment;
        }
        return -1;
    }

    /** Memory of pages of that kind; what there is of it is found when it is mapped. */
    static MemoryFile file(long lengthBytes, PageKind kind) {
        int pageShift =
                switch (kind) {
                    case HUGE_2M -> 21;
                    case HUGE_1G -> 30;
                    case AUTO, BASE, TRANSPARENT -> 0;
                };
        if (pageShift == 0) {
            return MemoryFile.create(FILE_NAME, lengthBytes);
        }
        try {
            return MemoryFile.createHuge(FILE_NAME, lengthBytes, pageShift);
        } catch (NativeException none) {
            throw HugePages.missing(lengthBytes, kind, none);
        }
    }
}
